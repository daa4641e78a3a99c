relay_domains = ["example.org", "*.example.org"]
