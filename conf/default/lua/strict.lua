-- strict: once a script requires it, a global that no main chunk assigned is
-- an error where it is read or assigned (reference/lua-api.tsv, strict).
local declared = {}
local mt = getmetatable(_G) or {}

local function atTopLevel()
  local info = debug.getinfo(3, "S")
  return info == nil or info.what ~= "Lua"
end

mt.__newindex = function(t, name, value)
  if not declared[name] then
    if not atTopLevel() then
      error("assign to undeclared variable '" .. tostring(name) .. "'", 2)
    end
    rawset(declared, name, true)
  end
  rawset(t, name, value)
end

mt.__index = function(_, name)
  if not declared[name] and not atTopLevel() then
    error("variable '" .. tostring(name) .. "' is not declared", 2)
  end
  return nil
end

setmetatable(_G, mt)
return true
