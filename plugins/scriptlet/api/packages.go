package api

import "github.com/mtad/mtad/sdk/scan"

// Packages is the ordered list of all packages. A package is added by one line.
// What the documentation has beyond them raises when it is called.
func Packages() []Package {
	web, scans := newHTTPPool(nil), &scan.Gate{}
	return complete([]Package{
		globalPackage(),
		msysPackage(),
		corePackage(),
		messagePackage(),
		routingPackage(),
		contextPackage(),
		acceptPackage(),
		jsonPackage(),
		dbPackage(),
		datasourcePackage(),
		dnsPackage(),
		pcrePackage("msys.pcre"),
		pcrePackage("pcre"),
		base64Package(),
		qpPackage(),
		dumperPackage(),
		timerPackage(),
		counterPackage(),
		auditPackage(),
		seriesPackage(),
		gaugePackage(),
		cidrPackage(),
		pbpPackage(),
		policyEditorPackage(),
		threadPackage(),
		bufferPackage(),
		lockPackage(),
		macroPackage(),
		filesPackage(web),
		ioPackage(),
		poolPackage(),
		bouncePackage(),
		delayPackage(),
		rfc3464Package(),
		snmpPackage(),
		coreMorePackage(),
		configPackage(),
		logPackage(),
		logConsts(),
		asyncPackage(),
		addressesPackage(),
		httpClientPackage(web),
		curlPackage(web),
		xmlPackage(),
		idnPackage(),
		deliveryPackage(),
		httpclntPackage(),
		sharePackage(),
		statvfsPackage(systemStatvfs),
		jobClassConsts(),
		classesPackage(),
		opendkimPackage(),
		opendkimConsts(),
		dkimPackage(),
		openarcPackage(),
		avPackage(scans),
		spamcPackage(scans),
		rspamdPackage(scans),
		adaptivePackage(),
		getoptPackage(),
		mathxPackage(),
	})
}

// Missing is a documented package that mtad does not have: it is absent, so
// that scripts can test for it, and require of it fails with Why.
type Missing struct {
	Name, Why string
}

// MissingPackages are the documented packages (reference/lua-api.tsv) that
// mtad does not have.
func MissingPackages() []Missing {
	const engine, mobile = engineWhy, mobileWhy
	const native = "it is a native module of the original"
	return withReasons([]Missing{
		{"msys.cloudmark", engine},
		{"msys.expurgate", engine},
		{"msys.symantec_beik", engine},
		{"msys.apn", mobile},
		{"msys.gcm", mobile},
		{"msys.mms", mobile},
		{"msys.smpp", mobile},
		{"msys.xmpp", mobile},
		{"msys.aggregator.mblox", mobile},
		{"msys.mstore", native + "; msg:inject sends a copy, msys.db keeps data"},
		{"msys.xfer.client", "messages move between nodes with mtad spool export and import"},
		{"msys.xfer.server", "messages move between nodes with mtad spool export and import"},
		{"lpeg", native + "; msys.pcre and string.match read text"},
		{"java", native + "; a hook module may be written in any language that speaks gRPC (docs/hooks/modules.md)"},
		{"posix", "scripts may not call the operating system; os.time, os.date and msys.readfile are there"},
		{"socket", "scripts may not open sockets, which would block all sessions; msys.dnsLookup, msys.db and msys.http.client wait without blocking"},
		{"msys.extended.httpsrv", "mtad has no HTTP listener for scripts"},
		{"msys.http_lua", whySMTPOnly},
		{"msys.httpsrv", "mtad has no HTTP listener for scripts"},
		{"msys.mcmt", notYet},
		{"msys.tls_params", notYet},
		{"msys.validate.dkim2", notYet},
		{"yaml", native + "; json reads and writes data"},
		{"msys.brightmail", engine},
		{"msys.commtouch", engine},
		{"msys.goodmail", engine},
		{"msys.mm7", mobile},
		{"msys.mobility", mobile},
		{"msys.beta.chunk_logger_int", "it was a trial of the original's; msys.log writes to the paniclog"},
		{"msys.beta.rcptto_proxy", "it was a trial of the original's; look recipients up with msys.db"},
		{"msys.sign.dk", "DomainKeys was replaced by DKIM (RFC 6376)"},
		{"msys.validate.dk", "DomainKeys was replaced by DKIM (RFC 6376)"},
	})
}
