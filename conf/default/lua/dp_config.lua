-- The settings of the default policy. docs/default-policy.md says what each does.
-- Copy this file and custom_policy.lua into the configuration, and edit the copy.
--
-- A check with honor_whitelist does not count for peers on one of these lists.
module("msys.dp_config", package.seeall)

require("msys.core")
require("msys.pbp")
require("custom_policy") -- take this line out where there is none

-- Peers that are exempt, by name: files of rbldnsd, or datasources.
-- msys.dp_config.whitelist = {
--   {
--     name = "global",
--     type = "rbldnsd",
--     refresh = 1800,
--     source = "/etc/mtad/whitelist.txt",
--     record_type = "TXT",
--     default_value = "",
--   },
--   {
--     name = "global_datasource",
--     type = "datasource",
--     refresh = 1800,
--     cachename = "customers",
--     query = "SELECT 1 AS val, cidr FROM whitelist",
--     cidr_column = "cidr",
--     value_column = "val",
--     default_value = "",
--   },
-- }

-- Block lists.
msys.dp_config.rbls = {
  -- {
  --   check = true,
  --   name = "zen",
  --   type = "dns",
  --   base = "zen.spamhaus.org",
  --   record_type = "TXT",
  --   code = 554,
  --   reason = "RBL hit on zen: %s",
  --   honor_whitelist = { "global" },
  -- },
  -- {
  --   check = true,
  --   name = "own",
  --   type = "rbldnsd",
  --   source = "/etc/mtad/blocked.txt",
  --   refresh = 1800,
  --   record_type = "A",
  --   code = 451,
  --   reason = "RBL hit on own: %s",
  --   honor_whitelist = { "global" },
  -- },
}

-- Peers that speak before they were greeted.
msys.dp_config.early_talker = {
  check = true,
  honor_whitelist = { "global" },
}

-- Reverse DNS that leads back to the peer.
msys.dp_config.fcdns = {
  check = true,
  rdns_failure_code = 554,
  fdns_failure_code = 554,
  honor_whitelist = { "global" },
}

-- Sessions at a time, by network.
msys.dp_config.concurrent_connection_limits = {
  { check = true, mask = "/32", limit = 10, service = "SMTP", honor_whitelist = { "global" } },
  { check = true, mask = "/24", limit = 100, service = "SMTP", honor_whitelist = { "global" } },
  -- All of the system: no list counts here.
  { check = true, mask = "/0", limit = 20000, service = "SMTP" },
}

-- Senders whose domain does not exist.
msys.dp_config.mail_from_domain_validate = {
  check = true,
  failure_code = 554,
  honor_whitelist = { "global" },
}

-- Recipients, by a datasource. Without ds_name and query relay_domains decides
-- alone; recipients in relay_domains are never asked about.
msys.dp_config.recipient_validation = {
  check = true,
  -- ds_name = "customers",
  -- query = "SELECT status FROM mailboxes WHERE address = :rcpt", -- or :domain; $rcpt and $domain for LDAP
  -- status_attribute = "status",
  -- status_values = { "active", "online" },
  dha_prevention = true,
}

-- Who may send to everywhere, beside relay_hosts.
msys.dp_config.relay_authorization = {
  check = false,
  -- onnet = {
  --   type = "rbldnsd",
  --   source = "/etc/mtad/onnet.txt",
  --   refresh = 1800,
  --   record_type = "TXT",
  --   default_value = "",
  -- },
  allow_smtp_auth = true,
}

-- Limits by what was counted in windows of time: interval is in seconds, and the
-- windows from startv to endv are added up, of which 0 is the current one.
msys.dp_config.audit_series = {}

-- Logins that failed.
-- msys.dp_config.audit_series.invalid_smtp_auth = {
--   type = "cidr",
--   interval = 900,
--   buckets = 4,
--   thresholds = {
--     { check = true, key = "/32", startv = 0, endv = 3, threshold = 100, honor_whitelist = { "global" } },
--     { check = true, key = "/24", startv = 0, endv = 3, threshold = 1000, honor_whitelist = { "global" } },
--   },
--   options = { persist = true },
-- }

-- Connections.
msys.dp_config.audit_series.connections = {
  type = "cidr",
  interval = 900,
  buckets = 4,
  thresholds = {
    { check = true, key = "/32", startv = 0, endv = 3, threshold = 100, honor_whitelist = { "global" } },
    { check = true, key = "/24", startv = 0, endv = 3, threshold = 1000, honor_whitelist = { "global" } },
  },
  options = { persist = true },
}

-- Messages of one sender. Off: whoever forges an address could use it up.
-- msys.dp_config.audit_series.mailfrom = {
--   type = "string",
--   interval = 900,
--   buckets = 4,
--   thresholds = {
--     { check = true, startv = 0, endv = 3, threshold = 100, honor_whitelist = { "global" } },
--   },
--   options = { persist = true },
-- }

-- Messages of one user of AUTH.
msys.dp_config.audit_series.auth_user = {
  type = "string",
  interval = 900,
  buckets = 4,
  thresholds = {
    { check = true, startv = 0, endv = 3, threshold = 100, honor_whitelist = { "global" } },
  },
  options = { persist = true },
}

-- Unknown recipients: directory harvest attacks.
msys.dp_config.audit_series.invalid_recipients = {
  type = "cidr",
  interval = 900,
  buckets = 4,
  thresholds = {
    { check = true, key = "/32", startv = 0, endv = 3, threshold = 50 },
    { check = true, key = "/24", startv = 0, endv = 3, threshold = 500 },
  },
  options = { persist = true },
}

-- Messages.
msys.dp_config.audit_series.messages = {
  type = "cidr",
  interval = 900,
  buckets = 4,
  thresholds = {
    { check = true, key = "/32", startv = 0, endv = 3, threshold = 200, honor_whitelist = { "global" } },
    { check = true, key = "/24", startv = 0, endv = 3, threshold = 2000, honor_whitelist = { "global" } },
  },
  options = { persist = true },
}

-- Spam, by its sender.
-- msys.dp_config.audit_series.spam_mailfrom = {
--   type = "string",
--   interval = 900,
--   buckets = 4,
--   thresholds = {
--     { check = false, startv = 0, endv = 3, threshold = 100, honor_whitelist = { "global" } },
--   },
--   options = { persist = true },
-- }

-- Spam, by the peer.
msys.dp_config.audit_series.spam = {
  type = "cidr",
  interval = 900,
  buckets = 4,
  thresholds = {
    { check = true, key = "/32", startv = 0, endv = 3, threshold = 50, honor_whitelist = { "global" } },
    { check = true, key = "/24", startv = 0, endv = 3, threshold = 200, honor_whitelist = { "global" } },
  },
  options = { persist = true },
}

-- Viruses, by the peer.
msys.dp_config.audit_series.virus = {
  type = "cidr",
  interval = 900,
  buckets = 4,
  thresholds = {
    { check = true, key = "/32", startv = 0, endv = 3, threshold = 50, honor_whitelist = { "global" } },
    { check = true, key = "/24", startv = 0, endv = 3, threshold = 200, honor_whitelist = { "global" } },
  },
  options = { persist = true },
}

-- Viruses, by their sender.
-- msys.dp_config.audit_series.virus_mailfrom = {
--   type = "string",
--   interval = 900,
--   buckets = 4,
--   thresholds = {
--     { check = false, startv = 0, endv = 3, threshold = 100, honor_whitelist = { "global" } },
--   },
--   options = { persist = true },
-- }

-- Sizes: b, k and m stand for bytes, KiB and MiB.
msys.dp_config.message_size_limits = {
  { check = true, size = "50m", honor_whitelist = { "global" } },
  { check = true, size = "20m", honor_whitelist = {} },
}

-- Engines that mtad does not have: the tables are known, and scan = true is
-- refused. spamassassin and rspamd stand in their place.
-- msys.dp_config.beik = {
--   scan = true,
--   isspam_disposition = "reject",
--   honor_whitelist = { "global" },
-- }
-- msys.dp_config.cloudmark = {
--   scan = true,
--   score_threshold = 95,
--   isspam_disposition = "reject",
--   honor_whitelist = { "global" },
-- }
-- msys.dp_config.commtouch = {
--   scan = true,
--   spam_dispositions = { confirmed = "reject", bulk = "reject", suspect = "reject" },
--   virus_dispositions = { virus = "reject", high = "reject", medium = "reject" },
--   honor_whitelist = { "global" },
-- }

-- Spam by SpamAssassin: wants the scope spamassassin.
-- msys.dp_config.spamassassin = {
--   scan = true,
--   isspam_disposition = "reject", -- or "discard"
--   score_threshold = 5,           -- else spamd's own
--   error_disposition = "pass",    -- or "tempfail"
--   honor_whitelist = { "global" },
-- }

-- Spam by rspamd: wants the scope rspamd.
-- msys.dp_config.rspamd = {
--   scan = true,
--   isspam_disposition = "reject", -- or "discard"
--   score_threshold = 15,          -- else rspamd's action decides
--   error_disposition = "pass",    -- or "tempfail"
--   honor_whitelist = { "global" },
-- }

-- Viruses: wants an antivirus scope with the engine, enabled = false in it.
-- msys.dp_config.antivirus = {
--   {
--     scan = true,
--     engine = "clamav",
--     virus_disposition = "reject",       -- or "discard", "disinfect"
--     unscannable_disposition = "reject", -- or "discard"
--     error_disposition = "tempfail",     -- or "pass"
--     honor_whitelist = { "global" },
--   },
-- }

-- Words, in files or datasources.
msys.dp_config.keyword_filter = {
  {
    scan = false,
    name = "keywords",
    path = "/etc/mtad/conf/default/keyword_filter.txt",
    -- cachename = "customers", -- a datasource in place of path
    -- query = "SELECT word FROM keywords",
    charset = "UTF-8", -- of path or query: UTF-8, GBK, ISO-8859-1, ISO-2022-JP, Big5
    disposition = "reject", -- or "discard"
    honor_whitelist = { "global" },
  },
}
