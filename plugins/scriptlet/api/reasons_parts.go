package api

// partReasons are the reasons of whole parts that mtad is without. A part that
// is there explains for itself what it lacks.
func partReasons() []reason {
	return []reason{
		{"", []string{"msys.delivery.ob_*", "msys.httpclnt*", "msys.http_lua*", "sess:*", "sess.*"}, httpOutWhy},
		{"", []string{"threadpool.stat.result"}, "msys.threadpool.stat gives a table of the figures there are"},
		{"", []string{"msys.policyeditor.send_trap"}, "use msys.snmpTrap with an address; msys.log writes to the paniclog, and an alerting rule counts rejections"},
	}
}
