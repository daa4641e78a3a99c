esmtp_listener {
  listen ":25" {
    peer "192.0.2.7" {
      smtp_extensions = ["ENHANCEDSTATUSCODES", "PIPELINING"]
    }
  }
}
