-- Every setting of the default policy, each switched on where one case of
-- policy_test.go meets it: by the client's address, a recipient, or X-Case.
module("msys.dp_config", package.seeall)
require("custom_policy")

msys.dp_config.whitelist = {
  { name = "global", type = "rbldnsd", source = "@DIR@/white.txt", refresh = 1800, record_type = "TXT", default_value = "" },
  { name = "customers", type = "datasource", cachename = "lists", refresh = 1800, query = "SELECT 1 AS val, cidr FROM whitelist", cidr_column = "cidr", value_column = "val", default_value = "" },
}

msys.dp_config.rbls = {
  { check = false, name = "off", type = "rbldnsd", source = "@DIR@/everybody.txt", record_type = "A", code = 554, reason = "never" },
  { check = true, name = "dnsbl", type = "dns", base = "bl.test", record_type = "A", code = 550, reason = "RBL hit on dnsbl: %s", honor_whitelist = { "global" } },
  { check = true, name = "text", type = "dns", base = "txt.bl.test", server = "@DNS@", record_type = "TXT", code = 554, reason = "RBL hit on text: %s" },
  { check = true, name = "file", type = "rbldnsd", source = "@DIR@/black.txt", refresh = 1800, record_type = "A", code = 451, reason = "RBL hit on file: %s" },
  { check = true, name = "own", type = "rbldnsd", source = "@DIR@/own.txt", record_type = "TXT", process_result = function(ac, vctx, info)
    if info == "let in" then
      return msys.core.VALIDATE_CONT
    end
    return vctx:pbp_disconnect(554, "own word: " .. info)
  end },
}

msys.dp_config.early_talker = { check = true, honor_whitelist = { "global" } }
msys.dp_config.fcdns = { check = true, rdns_failure_code = 550, fdns_failure_code = 553, honor_whitelist = { "global", "customers" } }

msys.dp_config.concurrent_connection_limits = {
  { check = true, mask = "/32", limit = 4, service = "SMTP", honor_whitelist = { "global" } },
  { check = true, mask = "/24", limit = 7, service = "SMTP" },
  { check = false, mask = "/0", limit = 0, service = "SMTP" },
}

msys.dp_config.mail_from_domain_validate = { check = true, failure_code = 553, honor_whitelist = { "global" } }

msys.dp_config.recipient_validation = {
  check = true,
  ds_name = "lists",
  query = "SELECT status FROM mailboxes WHERE address = :rcpt OR address = '*' AND domain = :domain",
  status_attribute = "status",
  status_values = { "active", "on%-.*" },
  dha_prevention = true,
}

msys.dp_config.relay_authorization = {
  check = true,
  onnet = { type = "rbldnsd", source = "@DIR@/onnet.txt", refresh = 1800, record_type = "TXT", default_value = "" },
  allow_smtp_auth = true,
}

local function cidr(host, net, options)
  return {
    type = "cidr", interval = 900, buckets = 4,
    thresholds = {
      { check = true, key = "/32", startv = 0, endv = 3, threshold = host, honor_whitelist = { "global" } },
      { check = net ~= nil, key = "/24", startv = 0, endv = 3, threshold = net or 0, honor_whitelist = { "global" } },
    },
    options = options,
  }
end

local function text(threshold)
  return { type = "string", interval = 900, buckets = 4, thresholds = { { check = true, startv = 0, endv = 3, threshold = threshold, honor_whitelist = { "global" } } } }
end

msys.dp_config.audit_series = {
  connections = cidr(5, 1000),
  messages = cidr(8, 12, { persist = true }),
  mailfrom = text(5),
  auth_user = text(3),
  invalid_recipients = cidr(3),
  invalid_smtp_auth = cidr(2),
  spam = cidr(2),
  spam_mailfrom = text(2),
  virus = cidr(2),
  virus_mailfrom = text(2),
}
-- One that nobody exceeds, since nobody is asked about it.
msys.dp_config.audit_series.mailfrom.thresholds[2] = { check = false, threshold = 0 }

msys.dp_config.message_size_limits = {
  { check = true, size = "30k", honor_whitelist = { "global" } },
  { check = true, size = "200k", honor_whitelist = {} },
  { check = false, size = "1b" },
}

-- A case's table counts for messages whose X-Case names it.
local function case(name, t)
  t.honor_whitelist = { "not_" .. name }
  return t
end

msys.dp_config.antivirus = {
  case("av_reject", { scan = true, engine = "clamav", virus_disposition = "reject" }),
  case("av_discard", { scan = true, engine = "clamav", virus_disposition = "discard" }),
  case("av_disinfect", { scan = true, engine = "clamav", virus_disposition = "disinfect" }),
  case("av_result", { scan = true, engine = "clamav", process_result = function(msg, vctx, info)
    return vctx:pbp_action(555, "own word: " .. info.verdict .. " " .. tostring(info.rc == msys.av.EC_AV_INFECTED)), false
  end }),
  case("av_down", { scan = true, engine = "none" }),
  case("av_pass", { scan = true, engine = "none", error_disposition = "pass" }),
  case("av_large", { scan = true, engine = "clamav", unscannable_disposition = "reject" }),
  { scan = false, engine = "none" },
}

msys.dp_config.spamassassin = case("sa_reject", { scan = true, isspam_disposition = "reject" })
msys.dp_config.rspamd = case("rs_reject", { scan = true, isspam_disposition = "reject" })

-- What stands in place of these two for other cases; the custom policy swaps.
spam_cases = {
  sa_score = { "spamassassin", { scan = true, score_threshold = 3, isspam_disposition = "reject" } },
  sa_off = { "spamassassin", { scan = false, isspam_disposition = "reject" } },
  sa_discard = { "spamassassin", { scan = true, isspam_disposition = "discard" } },
  sa_down = { "spamassassin", { scan = true, isspam_disposition = "reject", error_disposition = "tempfail" } },
  sa_result = { "spamassassin", { scan = true, process_result = function(msg, vctx, info)
    return vctx:pbp_action(555, "own word: " .. info.verdict .. " " .. info.score .. " " .. info.symbols), true
  end } },
  rs_score = { "rspamd", { scan = true, score_threshold = 3, isspam_disposition = "reject" } },
  rs_soft = { "rspamd", { scan = true, isspam_disposition = "reject" } },
  rs_discard = { "rspamd", { scan = true, isspam_disposition = "discard" } },
  rs_down = { "rspamd", { scan = true, error_disposition = "tempfail" } },
  rs_result = { "rspamd", { scan = true, process_result = function(msg, vctx, info)
    return vctx:pbp_action(555, "own word: " .. info.verdict .. " " .. info.symbols), false
  end } },
}

msys.dp_config.keyword_filter = {
  case("kw_reject", { scan = true, name = "reject", path = "@DIR@/words.txt", charset = "UTF-8", disposition = "reject" }),
  case("kw_discard", { scan = true, name = "discard", path = "@DIR@/words.txt", disposition = "discard" }),
  case("kw_gbk", { scan = true, name = "gbk", path = "@DIR@/words.gbk", charset = "GBK", disposition = "reject" }),
  case("kw_latin", { scan = true, name = "latin", path = "@DIR@/words.latin1", charset = "ISO-8859-1", disposition = "reject" }),
  case("kw_jp", { scan = true, name = "jp", path = "@DIR@/words.jp", charset = "ISO-2022-JP", disposition = "reject" }),
  case("kw_big5", { scan = true, name = "big5", path = "@DIR@/words.big5", charset = "Big5", disposition = "reject" }),
  case("kw_ds", { scan = true, name = "ds", cachename = "lists", query = "SELECT word FROM keywords", disposition = "reject" }),
  case("kw_result", { scan = true, name = "result", path = "@DIR@/words.txt", process_result = function(msg, vctx, num_found)
    if num_found >= 3 then
      return vctx:pbp_action(554, "own word: " .. num_found)
    end
  end }),
  { scan = false, name = "nothing", path = "@DIR@/missing.txt" },
}
