-- Three callouts: what a small receiver's policy does for each message.
require("msys.core");
require("msys.extended.message");
require("msys.extended.vctx");

local mod = {};

function mod:validate_connect(ac, vctx)
  local ip = string.match(tostring(ac.remote_addr), "^([%d%.]+):");
  vctx:set(msys.core.VCTX_CONN, "peer", ip or "");
  return msys.core.VALIDATE_CONT;
end

function mod:validate_mailfrom(str, ac, vctx)
  local line = tostring(str);
  if string.find(line, "^MAIL FROM:<no%-?reply@") or string.find(line, "@spam%.example>") then
    vctx:set_code(550, "5.7.1 sender refused");
  end
  return msys.core.VALIDATE_CONT;
end

function mod:validate_data(msg, ac, vctx)
  local subject = msg:header("Subject")[1];
  if subject ~= nil and string.find(subject, "casino", 1, true) then
    vctx:set_code(550, "5.7.1 content refused");
  end
  return msys.core.VALIDATE_CONT;
end

msys.registerModule("policy", mod);
