# not converted: mtad lacks Adaptive Delivery
#   adaptive_sweep_rule "r" { codes = ("bc:10" "bc:20")  low_action = ("throttle" "down") }
#! 12-sweep-rule.conf:1: unconverted: adaptive_sweep_rule "r": mtad lacks Adaptive Delivery
