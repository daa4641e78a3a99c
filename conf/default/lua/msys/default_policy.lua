-- The default policy: what dp_config.lua says, carried out in the phases of a
-- message. Copy dp_config.lua and custom_policy.lua into the configuration and
-- edit these; this file stays as it is. docs/default-policy.md has every setting.
require("msys.core")
require("msys.extended.message")
require("msys.extended.vctx")
require("msys.extended.ac")
require("msys.pbp")
require("dp_config")

local session = require("msys.dp_session")
local envelope = require("msys.dp_envelope")
local content = require("msys.dp_content")

local cfg = msys.dp_config
local custom = cfg.custom_policy or {}
local CONT, DONE = msys.core.VALIDATE_CONT, msys.core.VALIDATE_DONE

local mod = {}

-- What the policy itself does, by the callout.
local own = {
  validate_connect = session.connect,
  validate_ehlo = session.ehlo,
  validate_mailfrom = envelope.mailfrom,
  validate_rcptto = envelope.rcptto,
  validate_data = content.data,
}

-- A phase is the custom policy's pre_ callout, the policy's own checks, and the
-- post_ callout; whatever ends the phase keeps the rest from running. One with
-- none of the three is no phase.
local function phase(name)
  local pre, checks, post = custom["pre_" .. name], own[name], custom["post_" .. name]
  if not (pre or checks or post) then
    return nil
  end
  return function(self, ...)
    local verdict = pre and pre(...) or CONT
    if verdict ~= CONT then
      if name == "validate_rcptto" and verdict == DONE then
        envelope.gate(self, ...)
      end
      return verdict
    end
    if checks then
      verdict = checks(self, ...)
      if verdict ~= CONT then
        return verdict
      end
    end
    return post and post(...) or CONT
  end
end

mod.validate_connect = phase("validate_connect")
mod.validate_ehlo = phase("validate_ehlo")
mod.validate_mailfrom = phase("validate_mailfrom")
mod.validate_rcptto = phase("validate_rcptto")
mod.validate_rcptto_list = envelope.rcptto_list
mod.core_validate_auth = session.auth
mod.validate_data = phase("validate_data")
mod.validate_data_spool = phase("validate_data_spool")
mod.validate_data_spool_each_rcpt = phase("validate_data_spool_each_rcpt")
mod.validate_set_binding = phase("validate_set_binding")

function mod:init()
  if custom.pre_init and not custom.pre_init() then
    return false
  end
  session.prepare()
  envelope.prepare()
  content.prepare()
  if custom.post_init and not custom.post_init() then
    return false
  end
  return true
end

msys.registerModule("default_policy", mod)
return mod
