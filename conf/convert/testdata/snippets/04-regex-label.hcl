domain "/^(mail|post)\\.de$/" {
  max_outbound_connections = 3
}
