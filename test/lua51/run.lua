-- Runs one program and gives what it prints, one line. Both sides use it.
local function show(v)
  local kind = type(v)
  if kind == "string" then
    return v
  elseif kind == "table" or kind == "userdata" then
    local mt = getmetatable(v)
    if type(mt) == "table" and rawget(mt, "__tostring") then
      return tostring(v)
    end
  elseif kind ~= "function" and kind ~= "thread" then
    return tostring(v)
  end
  return "a " .. kind
end

function runProgram(source)
  local out, size = {}, 0
  local function write(text)
    size = size + #text
    if size < 20000 then
      out[#out + 1] = text
    end
  end
  local function printed(...)
    local line = {}
    for i = 1, select("#", ...) do
      line[i] = show((select(i, ...)))
    end
    write(table.concat(line, "\t"))
  end
  local env = setmetatable({print = printed}, {__index = _G})
  local globals = {}
  for k, v in pairs(_G) do
    globals[k] = v
  end
  local f, err = loadstring(source, "=p")
  if not f then
    write("syntax: " .. err)
  else
    setfenv(f, env)
    local ok, e = pcall(f)
    if not ok then
      write("error: " .. show(e))
    end
  end
  for k in pairs(_G) do -- what its loadstring has set
    if globals[k] == nil then
      _G[k] = nil
    end
  end
  for k, v in pairs(globals) do
    _G[k] = v
  end
  local text = table.concat(out, "\n")
  text = text:gsub("%-nan", "nan") -- what C makes of 0/0 depends on the machine
  text = text:gsub("%-0%f[^%w.]", "0") -- gopher-lua's results are never -0
  return (text:gsub("[%c\\]", function(c) return string.format("\\%03d", c:byte()) end))
end
