-- Marks each message as being on the lists of all cases but its own, and has a
-- pre_ and a post_ callout in every phase.
module("msys.dp_config.custom_policy", package.seeall)
require("msys.core")
require("msys.pbp")

local cases = {
  "av_reject", "av_discard", "av_disinfect", "av_result", "av_down", "av_pass", "av_large", "sa_reject", "rs_reject",
  "kw_reject", "kw_discard", "kw_gbk", "kw_latin", "kw_jp", "kw_big5", "kw_ds", "kw_result",
}

local function case(msg)
  return msg:header("X-Case")[1] or ""
end

-- A case of its own in custom_policy: DONE in a phase keeps the post_ away.
local function seen(phase)
  print(phase)
  return msys.core.VALIDATE_CONT
end

function pre_init()
  print("pre_init")
  return true
end

function post_init()
  print("post_init")
  return true
end

for _, phase in ipairs({ "connect", "ehlo", "mailfrom", "data_spool", "data_spool_each_rcpt", "set_binding" }) do
  _M["pre_validate_" .. phase] = function() return seen("pre " .. phase) end
  _M["post_validate_" .. phase] = function() return seen("post " .. phase) end
end

function pre_validate_rcptto(msg, str, ac, vctx)
  local to = msg:rcptto()
  if to == "done@far.test" or to == "vouched@far.test" then
    if to == "vouched@far.test" then
      vctx:set(msys.core.VCTX_MESS, "dp_rcpt_ok", to)
    end
    return msys.core.VALIDATE_DONE
  end
  return seen("pre rcptto")
end

function post_validate_rcptto()
  return seen("post rcptto")
end

function pre_validate_data(msg, ac, vctx)
  local own = case(msg)
  for _, name in ipairs(cases) do
    msys.pbp.set_whitelist(vctx, "not_" .. name, name ~= own)
  end
  msys.dp_config.spamassassin = shipped_sa or msys.dp_config.spamassassin
  shipped_sa = msys.dp_config.spamassassin
  msys.dp_config.rspamd = shipped_rs or msys.dp_config.rspamd
  shipped_rs = msys.dp_config.rspamd
  local other = msys.dp_config.spam_cases[own]
  if other then
    msys.dp_config[other[1]] = other[2]
  end
  if own == "custom_done" then
    return vctx:pbp_action(250, "2.0.0 taken as it is")
  end
  return seen("pre data")
end

function post_validate_data(msg, ac, vctx)
  if case(msg) == "custom_post" then
    return vctx:pbp_action(550, "5.7.1 post_validate_data")
  end
  return seen("post data")
end
