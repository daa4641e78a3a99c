-- Writes the expected output into a file of cases, as stock Lua gives it:
--
--     lua5.1 golden.lua language.txt > new && mv new language.txt
--
-- A case is a line "=== name", a chunk, a line "--- output" and the output.
-- What stands before the first case is put before every chunk.
local cases, prelude = {}, {}
local into = prelude
for line in io.lines(arg[1]) do
  local name = line:match("^=== (.*)")
  if name then
    into = {}
    cases[#cases + 1] = {name = name, chunk = into}
  elseif line == "--- output" then
    into = {}
  else
    into[#into + 1] = line
  end
end
local before = table.concat(prelude, "\n") .. "\n"
io.write(before)
for _, c in ipairs(cases) do
  local text = table.concat(c.chunk, "\n")
  local file = os.tmpname()
  local f = assert(io.open(file, "w"))
  f:write(before, text, "\n")
  f:close()
  local p = io.popen("lua5.1 " .. file .. " 2>&1")
  local out = p:read("*a")
  p:close()
  os.remove(file)
  io.write("=== ", c.name, "\n", text, "\n--- output\n", out)
end
