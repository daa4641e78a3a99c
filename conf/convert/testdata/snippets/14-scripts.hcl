alerting {}
scriptlet "scriptlet" {
  script "greet" {
    source = "own.greet"
  }
}
