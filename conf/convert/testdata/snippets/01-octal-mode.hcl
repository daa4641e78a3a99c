control_listener {
  listen "/tmp/mtad-console" {
    file_mode = "0660"
  }
}
