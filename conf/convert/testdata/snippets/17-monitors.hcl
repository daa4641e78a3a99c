inbound_audit {
  monitors = ["300,6", "1800,4"]
}
