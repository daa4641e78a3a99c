adaptive_sweep_rule "r" {
  codes      = ["bc:10", "bc:20"]
  low_action = ["throttle", "down"]
}
