binding "out" {
  gateway = "#relay"
}
domain "#relay" {
  max_outbound_connections = 2
}
