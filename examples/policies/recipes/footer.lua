-- Puts a footer under the text of each recipient's copy: one for our own people,
-- another for everybody else. It goes into the first text part and the first
-- HTML part of the MIME tree; attachments, and signed or encrypted mail, stay as
-- they are.
require("msys.core");
require("msys.extended.message");

local mod = {};
local ours = { ["example.com"] = true };
local footers = {
  inside = "Internal: do not forward.",
  outside = "Example Ltd. Not the addressee? Please delete this mail.",
};

local function sealed(root)
  local kind = root:content_type().mimetype;
  return kind == "multipart/signed" or kind == "multipart/encrypted" or kind == "application/pkcs7-mime";
end

-- The HTML goes before the end of the body, where there is one.
local function under_html(html, footer)
  local paragraph = "<p>" .. footer .. "</p>\n";
  local at = string.find(string.lower(html), "</body>", 1, true);
  if at == nil then
    return html .. paragraph;
  end
  return string.sub(html, 1, at - 1) .. paragraph .. string.sub(html, at);
end

local function add(part, footer)
  local content = part:content_type();
  local text = part:text();
  if content.is_attachment or text == nil then
    return nil;
  elseif content.mimetype == "text/plain" then
    part:text(text .. "\r\n--\r\n" .. footer .. "\r\n");
    return "plain";
  elseif content.mimetype == "text/html" then
    part:text(under_html(text, footer), "text/html");
    return "html";
  end
  return nil;
end

function mod:validate_data_spool_each_rcpt(msg, ac, vctx)
  local domain = string.match(string.lower(msg:rcptto()), "@(.*)$");
  local footer = ours[domain] and footers.inside or footers.outside;
  local part = msg:mime(false);
  if sealed(part) then
    return msys.core.VALIDATE_CONT;
  end
  local done = {};
  while part ~= nil do
    local kind = part:content_type().mimetype;
    if not done[kind] and add(part, footer) then
      done[kind] = true;
    end
    part = part.thread;
  end
  return msys.core.VALIDATE_CONT;
end

msys.registerModule("footer", mod);
