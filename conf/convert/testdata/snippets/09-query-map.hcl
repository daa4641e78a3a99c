auth_ds {
  scheme "people" {
    authenticate {
      query = "SELECT 1 FROM users WHERE name = :user"
      map   = { user = "%%{username}" }
    }
  }
}
datasource "people" {
  uri = ["sqlite:/var/lib/people.db"]
}
#! 09-query-map.conf:3: refused: cache = "": there is no such datasource
