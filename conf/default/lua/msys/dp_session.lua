-- The default policy on connections: whitelists, limits, RBLs, early talkers,
-- reverse DNS, failed logins.
require("msys.core")
require("msys.cidr")
require("msys.pbp")

local series = require("msys.dp_series")

local cfg = msys.dp_config
local CONN = msys.core.VCTX_CONN
local CONT = msys.core.VALIDATE_CONT
local session = {}

-- The keys of a list's definition that msys.cidr.define takes.
local function define(name, l)
  msys.cidr.define(name, {
    type = l.type, source = l.source, refresh = l.refresh or 1800, record_type = l.record_type,
    cachename = l.cachename, query = l.query, cidr_column = l.cidr_column, value_column = l.value_column,
    interpolate = l.record_type == "TXT", default_value = "",
  })
end

local function onnet()
  local ra = cfg.relay_authorization
  return ra and ra.check and ra.onnet
end

function session.prepare()
  local seen = {}
  local function once(kind, name)
    if not name or seen[name] then
      error(kind .. ": each needs a name of its own, got " .. tostring(name), 0)
    end
    seen[name] = true
  end
  for _, l in ipairs(cfg.whitelist or {}) do
    once("msys.dp_config.whitelist", l.name)
    define(l.name, l)
  end
  for _, l in ipairs(cfg.rbls or {}) do
    once("msys.dp_config.rbls", l.name)
    if l.type == "rbldnsd" then
      define(l.name, l)
    elseif l.type ~= "dns" then
      error("msys.dp_config.rbls " .. l.name .. ': type must be "dns" or "rbldnsd"', 0)
    end
  end
  if onnet() then
    define("dp_onnet", onnet())
  end
  series.prepare()
end

-- A peer's address in the order and form of DNS lists (RFC 5782 sections 2.1
-- and 2.4).
local function reversed(address)
  if not address:find(":", 1, true) then
    local a, b, c, d = address:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
    return table.concat({ d, c, b, a }, ".")
  end
  local head, tail = address:match("^(.-)::(.*)$")
  local groups = {}
  for group in (head or address):gmatch("%x+") do
    groups[#groups + 1] = group
  end
  local last = {}
  for group in (tail or ""):gmatch("%x+") do
    last[#last + 1] = group
  end
  while #groups + #last < 8 do
    groups[#groups + 1] = "0"
  end
  for _, group in ipairs(last) do
    groups[#groups + 1] = group
  end
  local hex = ""
  for _, group in ipairs(groups) do
    hex = hex .. string.rep("0", 4 - #group) .. group
  end
  local nibbles = {}
  for i = #hex, 1, -1 do
    nibbles[#nibbles + 1] = hex:sub(i, i)
  end
  return table.concat(nibbles, ".")
end

-- The peer's address without its port, which a dot precedes for IPv6.
local function peer(ac)
  local text = tostring(ac.remote_addr)
  return text:match("^(%d+%.%d+%.%d+%.%d+):") or text:match("^[%x:]+")
end

-- listed is what a list says of the peer, nil for nothing. An A record that is
-- no listing (RFC 5782 section 2.1), or tells of a refused query, is none.
local function listed(l, ac)
  if l.type == "rbldnsd" then
    local value = msys.cidr.query(l.name)
    return value ~= "" and tostring(value) or nil
  end
  local kind = (l.record_type or "A"):upper()
  local options = l.server and { server = l.server } or nil
  local found = msys.dnsLookup(reversed(peer(ac)) .. "." .. l.base, kind, options)
  local value = found and found[1]
  if value and kind == "A" and (not value:find("^127%.") or value:find("^127%.255%.255%.")) then
    print("default_policy: " .. l.name .. " answers " .. value .. ", which is no listing")
    return nil
  end
  return value
end

local function rbls(ac, vctx)
  for _, l in ipairs(cfg.rbls or {}) do
    if l.check and not msys.pbp.check_whitelist(vctx, l) then
      local info = listed(l, ac)
      if info then
        local verdict
        if l.process_result then
          verdict = l.process_result(ac, vctx, info) or CONT
        else
          local text = (l.reason or "RBL hit on " .. l.name .. ": %s"):gsub("%%s", (info:gsub("%%", "%%%%")))
          verdict = vctx:pbp_action(l.code or 554, text)
        end
        if verdict ~= CONT then
          return verdict
        end
      end
    end
  end
  return CONT
end

local function early(vctx)
  local c = cfg.early_talker
  if c and c.check and vctx:get(CONN, "early_talker") == "yes" and not msys.pbp.check_whitelist(vctx, c) then
    return vctx:pbp_disconnect(554, "5.5.1 early talker: wait for the greeting")
  end
  return CONT
end

-- A lookup that fails for now refuses for now.
local function fcdns(ac, vctx)
  local c = cfg.fcdns
  if not (c and c.check) or msys.pbp.check_whitelist(vctx, c) then
    return CONT
  end
  local ok, rdns, fdns = msys.pbp.fcdns_check(ac, vctx)
  if ok then
    return CONT
  end
  local word = rdns or fdns
  if word and word ~= "NXDOMAIN" then
    return vctx:pbp_disconnect(421, "4.7.25 reverse DNS of your address cannot be looked up now")
  end
  if vctx:get(CONN, "reverse_dns") == "" then
    return vctx:pbp_action(c.rdns_failure_code or 554, "5.7.25 your address has no reverse DNS")
  end
  return vctx:pbp_action(c.fdns_failure_code or 554, "5.7.25 reverse DNS of your address does not lead back to it")
end

local function concurrency(ac, vctx)
  for _, c in ipairs(cfg.concurrent_connection_limits or {}) do
    if c.check and not msys.pbp.check_whitelist(vctx, c) then
      local n = ac:pbp_inbound_session_count_service(c.service or "SMTP", series.network(c.mask, vctx))
      if n > c.limit then
        return vctx:pbp_disconnect(421, "connection limit exceeded")
      end
    end
  end
  return CONT
end

-- Reputation: peers that sent too much spam or too many viruses of late.
function session.reputation(vctx)
  return series.limit("spam", vctx, nil, 421, "spam rate limit exceeded")
    or series.limit("virus", vctx, nil, 421, "virus rate limit exceeded")
    or CONT
end

-- Facts about the connection that all later phases go by.
local function note(ac, vctx)
  local six = msys.core.ec_sockaddr_family(ac.remote_addr) == msys.core.AF_INET6
  vctx:set(CONN, "dp_family", six and "6" or "4")
  if vctx:get(CONN, "can_relay") == "true" then
    vctx:set(CONN, "dp_peer_relays", "true")
  end
  for _, l in ipairs(cfg.whitelist or {}) do
    if msys.cidr.query(l.name) ~= "" then
      msys.pbp.set_whitelist(vctx, l.name, true)
    end
  end
  if onnet() and msys.cidr.query("dp_onnet") ~= "" then
    vctx:set(CONN, "dp_onnet", "true")
  end
end

function session.connect(_, ac, vctx)
  note(ac, vctx)
  series.add("connections", vctx)
  local limited = series.limit("connections", vctx, nil, 421, "connection rate limit exceeded")
  if limited then
    return limited
  end
  for _, check in ipairs({ concurrency, function() return session.reputation(vctx) end, rbls, function() return early(vctx) end, fcdns }) do
    local verdict = check(ac, vctx)
    if verdict ~= CONT then
      return verdict
    end
  end
  return CONT
end

-- What the peer said while connect was decided is known now.
function session.ehlo(_, _, _, vctx)
  return early(vctx)
end

-- Failed logins count; beyond the limit a right password comes too late as well.
if cfg.audit_series and cfg.audit_series.invalid_smtp_auth then
  function session.auth(_, vctx, _, status)
    if status ~= msys.core.EC_AUTH_OK then
      series.add("invalid_smtp_auth", vctx)
    end
    return series.limit("invalid_smtp_auth", vctx, nil, 421, "Failed SMTP AUTH rate limit exceeded") or CONT
  end
end

return session
