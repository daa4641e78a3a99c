-- Writes what stock Lua gives behind each expression of a file of cases:
--
--     lua5.1 golden.lua patterns.txt > new && mv new patterns.txt
--
-- A case is a line: an expression, and after " --> " its values or its error.
-- The functions of cases.lua can be used in it.
dofile(arg[0]:gsub("golden%.lua$", "cases.lua"))
for line in io.lines(arg[1]) do
  local expression = line:gsub(" %-%-> .*", "")
  io.write(expression, " --> ", EVAL(assert(loadstring("return " .. expression))), "\n")
end
