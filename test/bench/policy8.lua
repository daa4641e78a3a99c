-- Eight callouts: every phase of a message does a little work.
require("msys.core");
require("msys.extended.message");
require("msys.extended.vctx");

local mod = {};
local CONN, MESS = msys.core.VCTX_CONN, msys.core.VCTX_MESS;
local CONT = msys.core.VALIDATE_CONT;

function mod:validate_connect(ac, vctx)
  local ip = string.match(tostring(ac.remote_addr), "^([%d%.]+):");
  vctx:set(CONN, "peer", ip or "");
  if ip ~= nil and string.find(ip, "^192%.0%.2%.") then
    vctx:set_code(554, "5.7.1 no service");
  end
  return CONT;
end

function mod:validate_ehlo(str, ac, vctx)
  self.ehlo = vctx:get(CONN, "ehlo_domain");
  if string.find(self.ehlo, "^%[?127%.") then vctx:set(CONN, "local_ehlo", "yes"); end
  return CONT;
end

function mod:validate_mailfrom(str, ac, vctx)
  local line = tostring(str);
  if string.find(line, "^MAIL FROM:<no%-?reply@") or string.find(line, "@spam%.example>")
     or string.find(line, "^MAIL FROM:<[%w_]+%-bounces@") then
    vctx:set_code(550, "5.7.1 sender refused");
  end
  return CONT;
end

function mod:validate_rcptto(msg, str, ac, vctx)
  if msg:rcptto() == "nobody@bench.test" then vctx:set_code(550, "5.1.1 unknown"); end
  return CONT;
end

function mod:validate_data(msg, ac, vctx)
  local subject, from = msg:header("Subject")[1], msg:header("From")[1];
  if subject ~= nil and string.find(subject, "casino", 1, true) then vctx:set_code(550, "5.7.1 content refused"); end
  vctx:set(MESS, "from", from or "");
  return CONT;
end

function mod:validate_data_spool(msg, ac, vctx)
  if vctx:get(CONN, "peer") == "127.0.0.1" then msg:header("X-Peer", "local"); end
  return CONT;
end

function mod:validate_data_spool_each_rcpt(msg, ac, vctx)
  msg:context_set(msys.core.ECMESS_CTX_MESS, "rcpt", msg:rcptto());
  return CONT;
end

function mod:validate_set_binding(msg)
  if msg:context_get(msys.core.ECMESS_CTX_MESS, "rcpt") == "vip@bench.test" then msg.priority = 1; end
  return CONT;
end

msys.registerModule("policy", mod);
