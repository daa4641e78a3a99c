-- The default policy on content: size, viruses, spam, keywords.
require("msys.core")
require("msys.extended.message")
require("msys.pbp")
require("msys.base64")
require("msys.db")

local series = require("msys.dp_series")

local cfg = msys.dp_config
local MESS = msys.core.VCTX_MESS
local CONT, DONE = msys.core.VALIDATE_CONT, msys.core.VALIDATE_DONE
local content = {}

local function wanted(c, vctx)
  return c and c.scan and not msys.pbp.check_whitelist(vctx, c)
end

local function from(msg)
  return (msg:mailfrom() or ""):lower()
end

-- dispose refuses a message, or takes it and drops it.
local function dispose(msg, vctx, how, text)
  if how == "discard" then
    msg:discard(text)
    return DONE
  end
  return vctx:pbp_action(554, text)
end

-- count adds to the series of a kind, "spam" or "virus", and to its senders'.
local function count(kind, msg, vctx)
  series.add(kind, vctx)
  series.add(kind .. "_mailfrom", vctx, from(msg))
end

local function sizes(msg, vctx)
  for _, c in ipairs(cfg.message_size_limits or {}) do
    if c.check and not msys.pbp.check_whitelist(vctx, c) and msg:get_message_size() > msys.pbp.size_in_bytes(c.size) then
      return vctx:pbp_action(552, "5.3.4 message size exceeds " .. c.size)
    end
  end
  return CONT
end

-- judged is what process_result makes of a scan: its verdict for the phase, and
-- whether the message counts in the series.
local function judged(c, kind, msg, vctx, info)
  local verdict, counts = c.process_result(msg, vctx, info)
  if counts then
    count(kind, msg, vctx)
  end
  return verdict or CONT
end

-- failed is the answer to a scan that did not work.
local function failed(c, vctx, default, what)
  if (c.error_disposition or default) == "tempfail" then
    return vctx:pbp_action(451, "4.7.0 the message cannot be scanned for " .. what .. " now")
  end
  return CONT
end

-- disinfect puts a text in the place of each infected part; false where the
-- message is infected all the same.
local function disinfect(c, msg, vctx)
  local av, done = msys.av, false
  local part = msg:mime(false)
  while part do
    local next = part.thread
    if not part.parts then
      local status, virus = av.scan_part(part, c.engine, vctx)
      if status == av.EC_AV_INFECTED then
        part:text("A part of this message was infected (" .. virus .. ") and has been removed.\r\n", "text/plain")
        done = true
      end
    end
    part = next
  end
  return done and av.scan(c.engine, msg, vctx) == av.EC_AV_CLEAN
end

local function antivirus(c, msg, vctx)
  local av = msys.av
  local status, virus, engine, code = av.scan(c.engine, msg, vctx)
  if c.process_result then
    return judged(c, "virus", msg, vctx, { rc = status, verdict = virus, engine = engine, code = code })
  end
  if status == av.EC_AV_CLEAN then
    return CONT
  elseif status == av.EC_AV_UNSCANNABLE then
    return dispose(msg, vctx, c.unscannable_disposition or "reject", "5.7.1 the message cannot be scanned for viruses")
  elseif status ~= av.EC_AV_INFECTED then
    return failed(c, vctx, "tempfail", "viruses")
  end
  count("virus", msg, vctx)
  if c.virus_disposition == "disinfect" and disinfect(c, msg, vctx) then
    return CONT
  end
  return dispose(msg, vctx, c.virus_disposition, "5.7.1 virus found: " .. virus)
end

-- A spam scanner gives whether a message is spam, nil where it could not tell,
-- and what process_result gets.
local scanners = {}

function scanners.spamassassin(c, msg, vctx)
  msys.spamc.spamc_scan(msg)
  local function get(name) return vctx:get(MESS, "spamc_" .. name) end
  local info = { rc = get("status"), score = tonumber(get("score")), threshold = tonumber(get("thresh")), symbols = get("symbols") }
  if info.rc ~= "ok" then
    return nil, info
  end
  info.verdict = get("spam") == "true" and "spam" or "ham"
  if c.score_threshold then
    return info.score >= c.score_threshold, info
  end
  return info.verdict == "spam", info
end

function scanners.rspamd(c, msg)
  local r, problem = msys.rspamd.scan(msg)
  if not r then
    return nil, { rc = "failed", verdict = problem }
  end
  local info = { rc = "ok", verdict = r.action, score = r.score, threshold = r.threshold, symbols = table.concat(r.symbols, ","), message = r.message }
  if c.score_threshold then
    return r.score >= c.score_threshold, info
  end
  return r.action == "reject", info
end

-- later: rspamd wants the message to come again.
local function later(c, info)
  return not c.score_threshold and (info.verdict == "soft reject" or info.verdict == "greylist")
end

local function spam(name, c, msg, vctx)
  local is, info = scanners[name](c, msg, vctx)
  if c.process_result then
    return judged(c, "spam", msg, vctx, info)
  elseif is == nil then
    return failed(c, vctx, "pass", "spam")
  elseif is then
    count("spam", msg, vctx)
    return dispose(msg, vctx, c.isspam_disposition, "5.7.1 the message looks like spam")
  elseif later(c, info) then
    return vctx:pbp_action(451, "4.7.1 please try again later")
  end
  return CONT
end

-- charset turns text of a charset into UTF-8; msys.base64 is what knows them.
local function charset(text, name)
  return msys.base64.decode(msys.base64.encode(text), name or "UTF-8")
end

-- words adds the words of a pattern: one a line, "|" between alternatives.
local function words(list, line)
  for word in line:gmatch("[^|\r]+") do
    word = word:match("^%s*(.-)%s*$"):lower()
    if word ~= "" then
      list[#list + 1] = word
    end
  end
end

-- What the files say, by the filter's name; read once, when the policy is loaded.
local files = {}

for _, c in ipairs(cfg.keyword_filter or {}) do
  if c.scan and c.path then
    local text, problem = msys.readfile(c.path)
    files[c.name] = { problem = problem }
    if text then
      for line in charset(text, c.charset):gmatch("[^\n]+") do
        words(files[c.name], line)
      end
    end
  end
end

-- keywords are those of a filter: of its file, or of its datasource, whose own
-- cache keeps them. What the datasource gives is UTF-8 unless charset says other.
local function keywords(c)
  if not c.query then
    return files[c.name]
  end
  local list = {}
  for row in msys.db.query(c.cachename, c.query) do
    words(list, charset(tostring(row[1] or ""), c.charset))
  end
  return list
end

local function occurrences(text, list)
  local n, lower = 0, text:lower()
  for _, word in ipairs(list) do
    local at = 1
    while at do
      local _, last = lower:find(word, at, true)
      if last then
        n = n + 1
      end
      at = last and last + 1
    end
  end
  return n
end

-- The subject counts with each part.
local function keyword(c, msg, vctx)
  local list = keywords(c)
  local subject = occurrences(table.concat(msg:header("Subject"), "\n"), list)
  local part = msg:mime()
  while part do
    local text = not part.parts and part.type:find("^text/") and part:text()
    local found = subject + (text and occurrences(text, list) or 0)
    if c.process_result then
      local verdict = c.process_result(msg, vctx, found) or CONT
      if verdict ~= CONT then
        return verdict
      end
    elseif found > 0 then
      return dispose(msg, vctx, c.disposition, "5.7.1 the message has words that are not accepted")
    end
    part = part.thread
  end
  return CONT
end

function content.prepare()
  for _, name in ipairs({ "beik", "cloudmark", "commtouch" }) do
    if cfg[name] and cfg[name].scan then
      error("msys.dp_config." .. name .. ": mtad has no such engine; see msys.dp_config.spamassassin and msys.dp_config.rspamd", 0)
    end
  end
  for _, c in ipairs(cfg.keyword_filter or {}) do
    local problem = files[c.name] and files[c.name].problem
    if problem and problem:find("while checking", 1, true) then
      problem = nil -- mtad check reads no files
    end
    if c.scan and not c.path and not c.query then
      problem = "path, or cachename and query, is missing"
    end
    if problem then
      error("msys.dp_config.keyword_filter " .. c.name .. ": " .. problem, 0)
    end
  end
  for _, c in ipairs(cfg.message_size_limits or {}) do
    msys.pbp.size_in_bytes(c.size)
  end
end

function content.data(_, msg, _, vctx)
  local verdict = sizes(msg, vctx)
  for _, c in ipairs(cfg.antivirus or {}) do
    if verdict == CONT and wanted(c, vctx) then
      verdict = antivirus(c, msg, vctx)
    end
  end
  for _, name in ipairs({ "spamassassin", "rspamd" }) do
    if verdict == CONT and wanted(cfg[name], vctx) then
      verdict = spam(name, cfg[name], msg, vctx)
    end
  end
  for _, c in ipairs(cfg.keyword_filter or {}) do
    if verdict == CONT and wanted(c, vctx) then
      verdict = keyword(c, msg, vctx)
    end
  end
  return verdict
end

if cfg.antivirus then
  require("msys.av")
end
if cfg.spamassassin then
  require("msys.spamc")
end
if cfg.rspamd then
  require("msys.rspamd")
end

return content
