prohibited_hosts = ["127.0.0.0/8", "0.0.0.0"]
