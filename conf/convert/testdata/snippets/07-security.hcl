# not converted: mtad has no such thing; instead: the system decides who the server is: User=, Group= and AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit of systemd
#   Security { user = mail  Capabilities = "cap_net_bind_service+ep" }
#! 07-security.conf:1: unconverted: Security: mtad has no such thing; instead: the system decides who the server is: User=, Group= and AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit of systemd
