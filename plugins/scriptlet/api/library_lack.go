package api

// libraryLack is why a documented name is not supported that no list of
// missing packages may hold: what it belongs to is there in part, or is a
// script of the original's own library, which an operator may bring along and
// require must find.
func libraryLack(d *documented) string {
	switch d.owner() {
	case "msys.getopt":
		return "its functions are described only in the original's own script; require finds that script where an operator brings it along"
	case "msys.gc_stats":
		return "there is no such collector: Go collects garbage"
	case "msys.httpclnt":
		if d.kind == "method" {
			return whySMTPOnly
		}
	case "os":
		return "the environment belongs to the whole process, with isolation = \"core\" to the server"
	case "msys.rest.*":
		return "mtad has no HTTP listener for scripts"
	case "http_session":
		return whySMTPOnly
	case "msys.httpsrv.register":
		return "mtad has no HTTP listener for scripts"
	}
	return ""
}
