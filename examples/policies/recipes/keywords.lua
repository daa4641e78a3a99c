-- Looks for words in what a reader would see: subject and text parts, decoded.
-- Each rule has a pattern (PCRE) and points. From 5 points on a message is
-- marked for the reader's own filter, from 10 on it is refused.
require("msys.core");
require("msys.pcre");
require("msys.extended.message");

local mod = {};
local tag_at, refuse_at = 5, 10;
local rules = {
  { name = "lottery", points = 6, pattern = [[(?i)\b(?:lottery|jackpot)\b(?!\s+commission)]] },
  { name = "transfer", points = 5, pattern = [[(?i)\bwire\s+(?<sum>[$€]\s?\d[\d,.]*)]] },
  { name = "urgent", points = 2, pattern = [[(?i)\burgent(?:ly)?\b.{0,40}\breply\b]] },
};

-- One text, or a table of several, or nil.
local function readable(msg)
  local text = msg:text();
  if type(text) == "table" then
    text = table.concat(text, "\n");
  end
  return (msg:header("Subject")[1] or "") .. "\n" .. (text or "");
end

function mod:validate_data_spool(msg, ac, vctx)
  local text, points, hits = readable(msg), 0, {};
  for _, rule in ipairs(rules) do
    if msys.pcre.match(text, rule.pattern) then
      points = points + rule.points;
      hits[#hits + 1] = rule.name;
    end
  end
  if points >= refuse_at then
    vctx:set_code(550, "5.7.1 this looks like an advance fee fraud (" .. table.concat(hits, ", ") .. ")");
    return msys.core.VALIDATE_DONE;
  end
  if points >= tag_at then
    msg:header("X-Keywords", points .. " (" .. table.concat(hits, ", ") .. ")");
  end
  return msys.core.VALIDATE_CONT;
end

msys.registerModule("keywords", mod);
