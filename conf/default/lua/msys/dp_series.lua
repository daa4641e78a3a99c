-- Counting and limits of the default policy: msys.dp_config.audit_series.
-- A cidr series counts IPv4 and IPv6 peers apart: of an IPv6 peer twice as many
-- bits count, so that "/32" is its /64 and "/24" its /48.
require("msys.audit_series")
require("msys.pbp")

local cfg = msys.dp_config
local CONN = msys.core.VCTX_CONN
local series = {}

-- name is that of the series for this session, nil where it does not count it.
local function name(key, vctx)
  local s = cfg.audit_series and cfg.audit_series[key]
  if not s then
    return nil
  end
  local six = vctx:get(CONN, "dp_family") == "6"
  if s.type == "string" or six == (s.type == "cidr_ipv6") then
    return "dp_" .. key
  end
  return six and "dp_" .. key .. "_6" or nil
end

-- network is a mask of the configuration for the session's peer.
function series.network(mask, vctx)
  local bits = tonumber(mask:match("^/(%d+)$"))
  if bits and vctx:get(CONN, "dp_family") == "6" then
    bits = math.min(2 * bits, 128)
  end
  return bits and "/" .. bits or mask
end

function series.prepare()
  for key, s in pairs(cfg.audit_series or {}) do
    local kind = s.type
    msys.audit_series.define("dp_" .. key, kind, s.interval, s.buckets, s.options)
    if kind == "cidr" then
      msys.audit_series.define("dp_" .. key .. "_6", "cidr_ipv6", s.interval, s.buckets, s.options)
    end
  end
end

-- add counts an event. text is the key of a string series; others count the peer.
function series.add(key, vctx, text)
  local id = name(key, vctx)
  if id and text ~= "" then
    msys.audit_series.add(id, { key = text })
  end
end

-- exceeded reports that a threshold is passed that counts for the session.
function series.exceeded(key, vctx, text)
  local id = name(key, vctx)
  if not id or text == "" then
    return false
  end
  local s = cfg.audit_series[key]
  for _, t in ipairs(s.thresholds or {}) do
    if t.check and not msys.pbp.check_whitelist(vctx, t) then
      local where = text
      if s.type == "cidr" then
        where = series.network(t.key or "/32", vctx)
      elseif s.type == "cidr_ipv6" then
        where = t.key or "/128"
      end
      local n = msys.audit_series.count(id, { key = where, startv = t.startv or 0, endv = t.endv or 0 })
      if n > t.threshold then
        return true
      end
    end
  end
  return false
end

-- limit ends the phase with a reply where a threshold is passed. 421 ends the
-- session too.
function series.limit(key, vctx, text, code, reply)
  if not series.exceeded(key, vctx, text) then
    return nil
  end
  if code == 421 then
    return vctx:pbp_disconnect(code, reply)
  end
  return vctx:pbp_action(code, reply)
end

return series
