-- What the cases use: QUOTE shows a string, GM is all that gmatch gives, REP
-- is a replacement function, EVAL a call's values or error as text.
function QUOTE(s)
  local o = {}
  for i = 1, #s do
    local b = s:byte(i)
    if b < 32 or b > 126 or b == 34 or b == 92 then o[i] = "\\" .. b else o[i] = string.char(b) end
  end
  return '"' .. table.concat(o) .. '"'
end
function SHOW(...)
  local o = {}
  for i = 1, select("#", ...) do
    local v = (select(i, ...))
    o[i] = type(v) == "string" and QUOTE(v) or tostring(v)
  end
  return table.concat(o, ",")
end
function GM(s, p)
  local o = {}
  for a, b in string.gmatch(s, p) do
    o[#o + 1] = SHOW(a, b)
    if #o > 50 then break end
  end
  return table.concat(o, "/")
end
function REP(a, b)
  if a == "b" then return nil end
  if a == 1 then return false end
  return "{" .. tostring(a) .. "|" .. tostring(b) .. "}"
end
local function outcome(ok, ...)
  if ok then return SHOW(...) end
  return "error: " .. (tostring((...)):gsub("^[^ ]*:%d+: ", ""):gsub('^%[.-%]:%d+: ', ""))
end
function EVAL(f) return outcome(pcall(f)) end
