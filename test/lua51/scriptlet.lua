
-- The side of the module: a program is the text of an EHLO.
local mod = {}
function mod:validate_ehlo(source)
  print(runProgram(tostring(source)))
  return 1
end
msys.registerModule("differ", mod)
