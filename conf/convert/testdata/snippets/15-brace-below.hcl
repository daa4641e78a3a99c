bounce_logger "bounces" {
  bouncelog_mode = "0640"
}
