-- Looks each recipient up in the datasource "customers": strangers are refused,
-- and mail for customers is marked with their name. On the console,
-- `customer add ADDRESS NAME` and `customer remove ADDRESS` change who is one.
require("msys.core");
require("msys.db");
require("msys.extended.message");

local mod = {};
local insert = "INSERT INTO customer VALUES (?, ?, 250) ON CONFLICT DO NOTHING";

function mod:init()
  msys.db.execute("customers", "CREATE TABLE IF NOT EXISTS customer (address TEXT PRIMARY KEY, name TEXT, code INTEGER)");
  for address, name in pairs({ ["alice@example.com"] = "Alice", ["bob@example.com"] = "Bob" }) do
    msys.db.execute("customers", insert, { address, name });
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

msys.registerControl("customer add", function(cc)
  msys.db.execute("customers", insert, { cc.argv[2], cc.argv[3] });
  print("added " .. cc.argv[2]);
end);

msys.registerControl("customer remove", function(cc)
  msys.db.execute("customers", "DELETE FROM customer WHERE address = ?", { cc.argv[2] });
  print("removed " .. cc.argv[2]);
end);

msys.registerModule("customers", mod);
