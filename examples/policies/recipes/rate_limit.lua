-- A client may send so many messages a minute, counted in the server's counters:
-- they are shared by all sessions, and `counter` on the console shows them. Above
-- the limit a message is put off; the client tries it again later.
require("msys.core");
require("msys.counter");
require("msys.timer");
require("msys.extended.vctx");

local mod = {};
local limit = 5;
local trusted = { ["192.0.2.25"] = true };

local function counter_of(ip)
  return "/rate/" .. ip .. "/" .. math.floor(os.time() / 60);
end

function mod:validate_mailfrom(str, ac, vctx)
  local ip = msys.core.accept_construct_get_message_construct(ac).peer_address;
  if trusted[ip] then
    return msys.core.VALIDATE_CONT;
  end
  local path = counter_of(ip);
  msys.counter.inc(path);
  local count = msys.counter.read(path);
  if count == 1 then
    -- The minute is over long before; a counter of every client would stay.
    msys.timer.after(120, function() msys.counter.unlink(path) end, "rate " .. path);
  end
  if count > limit then
    vctx:set_code(451, "4.7.1 you may send " .. limit .. " messages a minute; try again in the next");
    return msys.core.VALIDATE_DONE;
  end
  return msys.core.VALIDATE_CONT;
end

msys.registerModule("rate_limit", mod);
