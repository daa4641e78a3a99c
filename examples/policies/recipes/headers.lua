-- Rewrites headers. What leaves for others loses the fields that tell of our own
-- network; what comes in from others is marked in its Subject, once.
require("msys.core");
require("msys.extended.message");
require("msys.extended.vctx");

local mod = {};
local inside = { "X-Originating-IP", "X-Mailer", "User-Agent" };
local mark = "[external] ";

function mod:validate_data_spool(msg, ac, vctx)
  if vctx:get(msys.core.VCTX_CONN, "can_relay") == "true" then
    for _, name in ipairs(inside) do
      msg:header(name, "");
    end
    if msg:header("X-Entity-ID")[1] == nil then
      msg:header("X-Entity-ID", tostring(msg.id));
    end
    return msys.core.VALIDATE_CONT;
  end
  local subject = msg:header("Subject")[1] or "";
  if not string.find(subject, mark, 1, true) then
    msg:header("Subject", mark .. subject);
  end
  return msys.core.VALIDATE_CONT;
end

msys.registerModule("headers", mod);
