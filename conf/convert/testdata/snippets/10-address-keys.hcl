esmtp_listener {
  context = { "0.0.0.2" = "list_hits" }
}
