# The rows of the table of constructs, in order.
esmtp_listener {
  listen ":25" {}
} # 1
binding "customer-1" {
  outbound_throttle_messages = "60/3"
}
binding "smtp-01" {
  outbound_throttle_messages = "60/3"
} # 3, and 2 without quotes
threadpool "accept-pool" {
  concurrency = 4
}
domain "example.com" {
  retry_interval = 60
} # 4
control_listener {
  listen "/tmp/mtad-console" {} # 5
}
domain "/google\\.(com|es)$/" {
  retry_interval = 90
}
# not converted: mtad lacks a counterpart
#   mxip
#   {
#   }
binding "n" {
  ehlo_hostname = "a.example"
  bind_address  = "192.0.2.3"
}                           # 7, 11
hostname = "mx.example.com" # 8
ec_logger "main" {
  log_receptions = true # 9
  log_errors     = true
  heartbeat      = 60                         # 10
  mainlog        = "/var/log/mtad/mainlog.ec" # 12
}
bounce_logger "b" {
  bouncelog_mode = "0660"
}                                               # 13
relay_hosts = ["192.0.2.0/24", "2001:db8::/32"] # 14
datasource "one" {
  uri      = ["sqlite:/p"] # 15
  max_rows = -1
}
datasource "two" {
  uri = ["csv:"]
}
prohibited_hosts = [] # 16
opendkim "o" {
  headerlist = ["from", "to"]              # 17
  key        = "/etc/dkim/%%{d}/%%{s}.key" # 23
}
bounce_domains = ["bounces.example.com"] # 18
esmtp_listener {
  # not converted: set again at constructs.conf:40:3
  #   Context [ plain = "x" ] # 19, 20
  authloginparameters = { uri = "file:///etc/users" }
  context = {
    "yahoo.net"    = "a"   # 21
    NAS-IP-Address = "100" # 22
    "100"          = "b"
  }
}
domain "/^bounces-\\d+\\.x\\.fr$/" {} # 24
# not converted: mtad has this option in esmtp_listener, not in global
#   Reconfig_Message = "4.3.2 back\r\nsoon" # 25 (in no scope of ours: reported)
esmtp_listener {
  reconfig_message = "4.3.2 back\tsoon"
}

# include "more.conf": more.conf
# more
max_retry_interval = 7200
auth_ds {
  scheme "s" {
    authenticate {
      query = "SELECT password\n         FROM users WHERE name = :u" # 27, 28
      cache = "one"
      map   = { u = "%%{username}" } # 23
    }
  }
}
# not converted: set again at constructs.conf:62:1
#   Retry_Interval = 60 # 29
retry_interval = 61
binding_group "g" {
  max_outbound_connections = 4
} # 30
binding_group "g" {
  binding "in-g" {}
}
esmtp_listener {
  listen ":26" {}
} # 31
/* 32: a comment
   of two lines */
_unsafe_spool = true # 33
pathway "p" {
  idle_time = 60
}
esmtp_listener {
  pathway = "p"
}
domain "#spe_relay" {} # 34
#! constructs.conf:13: unconverted: mxip: mtad lacks a counterpart
#! constructs.conf:38: overridden: Context is set again at constructs.conf:40:3, and that counts
#! constructs.conf:47: unconverted: Reconfig_Message: mtad has this option in esmtp_listener, not in global
#! constructs.conf:61: overridden: Retry_Interval is set again at constructs.conf:62:1, and that counts
#! constructs.conf:68: unsafe: _unsafe_spool: a crash loses mail that was accepted
