-- Asks DNS lists about a client and adds up their points. The sum is kept in the
-- datasource "scores" for ten minutes, for all nodes that share it, so a client
-- that comes again costs one query. From 10 points on the client is refused,
-- from 5 on its replies come late.
require("msys.core");
require("msys.db");
require("msys.extended.vctx");

local mod = {};
local refuse_at, slow_at, keep = 10, 5, 600;
local lists = {
  { zone = "bl.dnsbl.test", points = 10 },
  { zone = "suspects.dnsbl.test", points = 5, answers = { ["127.0.0.4"] = true } },
  { zone = "wl.dnsbl.test", points = -10 },
};

function mod:init()
  msys.db.execute("scores", "CREATE TABLE IF NOT EXISTS dnsbl (ip TEXT PRIMARY KEY, points INTEGER, expires INTEGER)");
  return true;
end

-- 4.3.2.1 for 1.2.3.4; nil for IPv6, which these lists do not have.
local function reversed(ip)
  local a, b, c, d = string.match(ip, "^(%d+)%.(%d+)%.(%d+)%.(%d+)$");
  return a and table.concat({ d, c, b, a }, ".");
end

local function listed(list, name)
  for _, answer in ipairs(msys.dnsLookup(name .. "." .. list.zone, "A") or {}) do
    if list.answers == nil or list.answers[answer] then
      return true;
    end
  end
  return false;
end

local function points_of(ip)
  local row = msys.db.fetch_row("scores", "SELECT points FROM dnsbl WHERE ip = ? AND expires > ?", { ip, os.time() }, { nocache = true });
  if row ~= nil then
    return row.points, "cached";
  end
  local name, points = reversed(ip), 0;
  for _, list in ipairs(name and lists or {}) do
    if listed(list, name) then
      points = points + list.points;
    end
  end
  msys.db.execute("scores", "DELETE FROM dnsbl WHERE ip = ? OR expires <= ?", { ip, os.time() });
  msys.db.execute("scores", "INSERT INTO dnsbl VALUES (?, ?, ?)", { ip, points, os.time() + keep });
  return points, "asked";
end

function mod:validate_connect(ac, vctx)
  local ip = msys.core.accept_construct_get_message_construct(ac).peer_address;
  local points, how = points_of(ip);
  vctx:set(msys.core.VCTX_CONN, "dnsbl_points", points);
  print("dnsbl: " .. ip .. " has " .. points .. " points (" .. how .. ")");
  if points >= refuse_at then
    vctx:disconnect(554, "5.7.1 your address is listed; see https://dnsbl.test/" .. ip);
    return msys.core.VALIDATE_DONE;
  elseif points >= slow_at then
    vctx:tarpit(1);
  end
  return msys.core.VALIDATE_CONT;
end

msys.registerModule("dnsbl", mod);
