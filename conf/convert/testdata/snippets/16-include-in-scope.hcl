domain "example.net" {
  # include "limits.conf": limits.conf
  max_outbound_connections = 4 # theirs
}
