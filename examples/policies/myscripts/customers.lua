-- Looks each recipient up in the datasource "customers": strangers are refused,
-- and mail for customers is marked with their name.
require("msys.core");
require("msys.db");
require("msys.extended.message");

local mod = {};

function mod:init()
  msys.db.execute("customers", "CREATE TABLE IF NOT EXISTS customer (address TEXT PRIMARY KEY, name TEXT, code INTEGER)");
  for address, name in pairs({ ["alice@example.com"] = "Alice", ["bob@example.com"] = "Bob" }) do
    msys.db.execute("customers", "INSERT OR IGNORE INTO customer VALUES (?, ?, 250)", { address, name });
  end
  return true;
end

local function customer(address)
  return msys.db.fetch_row("customers", "SELECT name, code FROM customer WHERE address = ?", { address });
end

function mod:validate_rcptto(msg, str, ac, vctx)
  local row = customer(msg:rcptto());
  if row == nil then
    vctx:set_code(550, "5.1.1 no such customer");
    return msys.core.VALIDATE_DONE;
  end
  return msys.core.VALIDATE_CONT;
end

function mod:validate_data_spool_each_rcpt(msg, ac, vctx)
  local row = customer(msg:rcptto());
  if row ~= nil then
    msg:header("X-Customer", row.name);
  end
  return msys.core.VALIDATE_CONT;
end

msys.registerModule("customers", mod);
