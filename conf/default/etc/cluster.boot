# How a node keeps its configuration. eccfg bootstrap writes a short one beside
# the directory conf. It is read each time it is needed.

# true: follow the repository, and merge local changes. ifunchanged: follow while
# there are no local changes. false: only eccfg pull changes anything.
autoupdate=true

# The node's name, and the directory of its own settings. Default: the
# unqualified hostname.
#node_name=mx1

# The name of the cluster.
cluster_name=default

# Kept for the original's sake; git knows where the repository is.
repo=auto

# Reload the server after an update.
reload_config_on_update=true

# How often to look, in seconds, or as "1m".
#check_every=60

# A quarter of the nodes at once, the next five minutes later: a node's turn comes
# by its name. A revision that one node went back from is not taken by the others.
#rollout=25%/5m

# For so long after an update the node goes back to the revision before if script
# errors or refusals jump. 0: never.
#watch=10m
