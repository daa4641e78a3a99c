esmtp_listener {
  context = { "0" = "ok", "100" = "full" }
}
