-- The default policy by its short name: require("default_policy") is enough.
return require("msys.default_policy")
