binding_group "mail" {
  binding "shop" {
    bind_address = "192.0.2.10"
    domain "example.org" {}
  }
}
