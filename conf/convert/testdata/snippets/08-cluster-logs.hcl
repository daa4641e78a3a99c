# not converted: mtad has no such thing; instead: nodes are told apart by --node; there is no bus between them
#   Logs { logfile = "/var/log/nodes/%Y/%m/%{l}/%{n}" }
#! 08-cluster-logs.conf:1: unconverted: Logs: mtad has no such thing; instead: nodes are told apart by --node; there is no bus between them
