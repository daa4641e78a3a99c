-- The default policy on the envelope: who may relay, senders, recipients.
--
-- A recipient's domain need not be in relay_domains where recipient_validation
-- has a datasource: for each transaction the policy then opens the relay, asks
-- the datasource about each recipient, and closes it again before the content.
-- A RCPT that got past its eyes, because another script ended the phase, makes
-- it refuse the whole message.
require("msys.core")
require("msys.extended.message")
require("msys.pbp")
require("msys.db")

local session = require("msys.dp_session")
local series = require("msys.dp_series")

local cfg = msys.dp_config
local CONN, MESS = msys.core.VCTX_CONN, msys.core.VCTX_MESS
local CONT = msys.core.VALIDATE_CONT
local envelope = {}

-- validation is the recipient_validation that asks a datasource, if there is one.
local function validation()
  local rv = cfg.recipient_validation
  return rv and rv.check and rv.ds_name and rv.query and rv or nil
end

function envelope.prepare()
  local rv = cfg.recipient_validation
  if rv and rv.check and (rv.ds_name == nil) ~= (rv.query == nil) then
    error("msys.dp_config.recipient_validation: ds_name and query belong together", 0)
  end
end

-- authorized reports a session that may relay, whoever allowed it, but not
-- because the relay was opened for recipient_validation.
local function authorized(vctx)
  local ra = cfg.relay_authorization
  if vctx:get(CONN, "dp_onnet") == "true" then
    return true
  end
  if vctx:get(CONN, "auth_user") ~= "" and ra and ra.check and not ra.allow_smtp_auth then
    return vctx:get(CONN, "dp_peer_relays") == "true"
  end
  return vctx:get(CONN, "auth_user") ~= "" or vctx:get(CONN, "can_relay") == "true" and vctx:get(CONN, "dp_relay") ~= "opened"
end

local function relay(vctx)
  local state, open = "closed", "false"
  if authorized(vctx) then
    state, open = "allowed", "true"
  elseif validation() then
    state, open = "opened", "true"
  end
  vctx:set(CONN, "dp_relay", state)
  if open == "true" or vctx:get(CONN, "can_relay") ~= "" then
    vctx:set(CONN, "can_relay", open)
  end
end

-- exists reports a domain that mail can be sent to (RFC 5321 section 5.1);
-- "later" where that is not known now. Who publishes a null MX takes no mail
-- (RFC 7505).
local function exists(domain)
  local hosts, problem = msys.dnsLookup(domain, "MX")
  if hosts then
    return #hosts > 1 or hosts[1] ~= "" and hosts[1] ~= "."
  end
  for _, kind in ipairs({ "A", "AAAA" }) do
    if problem == "NODATA" then
      hosts, problem = msys.dnsLookup(domain, kind)
      if hosts then
        return true
      end
    end
  end
  if problem == "NODATA" or problem == "NXDOMAIN" then
    return false
  end
  return "later"
end

local function sender(vctx)
  local c = cfg.mail_from_domain_validate
  if not (c and c.check) or msys.pbp.check_whitelist(vctx, c) then
    return CONT
  end
  local domain = vctx:get(MESS, "mailfrom_domain")
  if domain == "" or domain:sub(1, 1) == "[" then
    return CONT
  end
  local there = exists(domain)
  if there == "later" then
    return vctx:pbp_action(451, "4.1.8 the sender's domain cannot be looked up now")
  elseif not there then
    return vctx:pbp_action(c.failure_code or 554, "5.1.8 the sender's domain does not exist")
  end
  return CONT
end

-- from is the sender, "" for bounces.
local function from(vctx)
  local name, domain = vctx:get(MESS, "mailfrom_localpart"), vctx:get(MESS, "mailfrom_domain")
  return (domain == "" and name or name .. "@" .. domain):lower()
end

function envelope.mailfrom(_, _, _, vctx)
  relay(vctx)
  local user, address = vctx:get(CONN, "auth_user"), from(vctx)
  series.add("messages", vctx)
  series.add("auth_user", vctx, user)
  series.add("mailfrom", vctx, address)
  local limited = series.limit("messages", vctx, nil, 421, "message rate limit exceeded")
    or series.limit("auth_user", vctx, user, 451, "Authenticated user rate limit exceeded")
    or series.limit("mailfrom", vctx, address, 451, "Sender message rate limit exceeded")
    or series.limit("spam_mailfrom", vctx, address, 451, "Sender spam message rate limit exceeded")
    or series.limit("virus_mailfrom", vctx, address, 451, "Sender virus message rate limit exceeded")
  if limited then
    return limited
  end
  local verdict = session.reputation(vctx)
  if verdict ~= CONT then
    return verdict
  end
  return sender(vctx)
end

-- unknown refuses a recipient, and counts it where harvesting is watched.
local function unknown(vctx, text)
  if cfg.recipient_validation.dha_prevention then
    series.add("invalid_recipients", vctx)
  end
  return vctx:pbp_action(550, text)
end

-- active reports a row whose status is among those accepted: as it stands, or
-- as a Lua pattern for all of it.
local function active(rv, row)
  if not rv.status_attribute then
    return true
  end
  local status = tostring(row[rv.status_attribute] or "")
  for _, value in ipairs(rv.status_values or {}) do
    if status == value or status:find("^" .. value .. "$") then
      return true
    end
  end
  return false
end

local function lookup(rv, rcpt, vctx)
  local domain = rcpt:match("@([^@]*)$") or ""
  local ok, row, problem = pcall(msys.db.fetch_row, rv.ds_name, rv.query, { rcpt = rcpt, domain = domain:lower() }, { raise_error = false })
  if not ok or problem then
    print("default_policy: recipient validation failed: " .. tostring(ok and problem or row))
    return vctx:pbp_action(451, "4.3.0 the recipient cannot be verified now")
  end
  if not row then
    return unknown(vctx, "5.1.1 unknown recipient")
  elseif not active(rv, row) then
    return unknown(vctx, "5.2.1 recipient is not active")
  end
  return CONT
end

-- recipient decides on one that neither relaying nor relay_domains lets pass.
local function recipient(msg, vctx)
  if vctx:get(CONN, "dp_relay") == "allowed" or vctx:get(CONN, "rcpt_relay_domain") == "true" then
    return CONT
  end
  local rv = validation()
  if not rv then
    return vctx:pbp_action(550, "5.7.1 relaying denied")
  end
  if rv.dha_prevention then
    local limited = series.limit("invalid_recipients", vctx, nil, 451, "DHA limit exceeded")
    if limited then
      return limited
    end
  end
  return lookup(rv, msg:rcptto(), vctx)
end

-- asked is how many recipients of this transaction the policy has seen, one more
-- with see.
local function asked(self, vctx, see)
  local transaction = vctx:get(CONN, "connection_message_count")
  if self.transaction ~= transaction then
    self.transaction, self.asked = transaction, 0
  end
  self.asked = self.asked + see
  return self.asked
end

function envelope.rcptto(self, msg, _, _, vctx)
  local verdict = recipient(msg, vctx)
  asked(self, vctx, 1) -- one that raised an error was not seen
  return verdict
end

-- gate is what counts where pre_validate_rcptto ended the phase: the relay that
-- was opened still wants the recipient's word, or that of the custom policy,
-- which says so by setting the message variable dp_rcpt_ok to the recipient.
function envelope.gate(self, msg, _, _, vctx)
  if vctx:get(CONN, "dp_relay") == "opened" and vctx:get(MESS, "dp_rcpt_ok") ~= msg:rcptto() then
    recipient(msg, vctx)
  end
  asked(self, vctx, 1)
end

-- The relay is closed again, and nobody may have slipped through it.
if validation() then
  function envelope.rcptto_list(self, _, vctx)
    if vctx:get(CONN, "dp_relay") ~= "opened" then
      return CONT
    end
    vctx:set(CONN, "can_relay", "false")
    if tostring(asked(self, vctx, 0)) ~= vctx:get(CONN, "message_rcpt_count") then
      return vctx:pbp_action(550, "5.7.1 relaying denied")
    end
    return CONT
  end
end

return envelope
