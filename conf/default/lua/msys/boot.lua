-- Named by the first script of every scriptlet scope. Most of the console
-- commands that it brought in the original are part of the server here; what is
-- left is the one that only a script can be.
require("msys.core")

local function report(ok, ...)
  if select("#", ...) > 0 then
    print(...)
  end
end

-- scriptlet eval CODE: runs Lua, an expression or statements, and shows what it
-- gives and prints. It sees the globals of the first interpreter.
local function eval(cc)
  local argv = cc.argv
  if cc.argc < 3 then
    print("usage: scriptlet eval CODE")
    return
  end
  local code = table.concat(argv, " ", 2, cc.argc - 1)
  local chunk, problem = loadstring("return " .. code, "=console")
  if not chunk then
    chunk, problem = loadstring(code, "=console")
  end
  if not chunk then
    print(problem)
    return
  end
  report(pcall(chunk))
end

msys.registerControl("scriptlet eval", eval)
