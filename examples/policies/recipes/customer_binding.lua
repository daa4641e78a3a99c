-- Mail of a customer leaves over the customer's binding, with a return path that
-- names the recipient (VERP), so that a bounce says by its address who bounced.
-- Customers are looked up by the domain of the envelope sender in the datasource
-- "customers"; strangers' mail stays as it is.
require("msys.core");
require("msys.db");
require("msys.extended.message");

local mod = {};
local MESS = msys.core.ECMESS_CTX_MESS;

function mod:init()
  msys.db.execute("customers", "CREATE TABLE IF NOT EXISTS outbound (domain TEXT PRIMARY KEY, binding TEXT, bounces TEXT)");
  return true;
end

-- bounce+user=example.net@bounces.example.org
local function return_path(recipient, bounces)
  local who, where = string.match(recipient, "^(.*)@(.*)$");
  return "bounce+" .. who .. "=" .. where .. "@" .. bounces;
end

function mod:validate_data_spool_each_rcpt(msg, ac, vctx)
  local domain = string.match(string.lower(msg:mailfrom()), "@(.*)$");
  local recipient = msg:rcptto();
  -- A bounce has no sender, and a quoted local part would have to be quoted anew.
  if domain == nil or string.find(recipient, '"', 1, true) then
    return msys.core.VALIDATE_CONT;
  end
  local row = msys.db.fetch_row("customers", "SELECT binding, bounces FROM outbound WHERE domain = ?", { domain });
  if row ~= nil then
    msg:context_set(MESS, "customer_binding", row.binding);
    msg:mailfrom(return_path(recipient, row.bounces));
  end
  return msys.core.VALIDATE_CONT;
end

function mod:validate_set_binding(msg)
  local there, name = msg:context_exists_and_get(MESS, "customer_binding");
  if there == 1 and msg:binding(name) == nil then
    msys.log(msys.core.LOG_WARNING, "there is no binding " .. name .. "; its customer's mail goes over the default");
  end
  return msys.core.VALIDATE_CONT;
end

msys.registerModule("customer_binding", mod);
