-- The side of lua5.1: reads programs, each after a line with its length, and
-- writes a line for each.
local f = assert(io.open(arg[1]))
assert(loadstring(f:read("*a"), "@/differ.lua"))()
f:close()
io.input(arg[2])
while true do
  local n = io.read("*n", "*l")
  if not n then
    break
  end
  io.write(runProgram(io.read(n)), "\n")
end
