package api

import "strings"

// curlKind is what values an option of a transfer takes.
type curlKind uint8

const (
	curlCallback curlKind = iota // a function or nil
	curlData                     // anything: a callback's first argument
	curlList                     // strings, or nil
	curlString                   // a string or nil
	curlNumber
	curlBoolean // true or false, not 0 or 1
)

// curlOption is an option of libcurl's; its number is CURLOPT_name.
type curlOption struct {
	name   string // without OPT_
	number int
	kind   curlKind
	lack   string // why mtad does not have it
}

// The options that perform looks at.
const (
	curlWriteData     = 10001
	curlURL           = 10002
	curlPort          = 3
	curlUserPwd       = 10005
	curlRange         = 10007
	curlReadData      = 10009
	curlWriteFunction = 20011
	curlReadFunction  = 20012
	curlTimeout       = 13
	curlInFileSize    = 14
	curlPostFields    = 10015
	curlReferer       = 10016
	curlUserAgent     = 10018
	curlResumeFrom    = 21
	curlCookie        = 10022
	curlHTTPHeader    = 10023
	curlHeaderData    = 10029
	curlCustom        = 10036
	curlHeader        = 42
	curlNoProgress    = 43
	curlNoBody        = 44
	curlFailOnError   = 45
	curlUpload        = 46
	curlPost          = 47
	curlFollow        = 52
	curlPut           = 54
	curlProgress      = 20056
	curlProgressData  = 10057
	curlPostSize      = 60
	curlVerifyPeer    = 64
	curlMaxRedirs     = 68
	curlHeaderFunc    = 20079
	curlHTTPGet       = 80
	curlVerifyHost    = 81
	curlHTTPAuth      = 107
	curlMaxFileSize   = 114
	curlInFileLarge   = 30115
	curlResumeLarge   = 30116
	curlMaxFileLarge  = 30117
	curlPostSizeLarge = 30120
)

// curlOptions are the options of reference/lua-api.tsv, package curl. Those
// without a constant of their own are accepted and change nothing: they tune
// what is done otherwise here.
func curlOptions() []curlOption {
	const (
		http  = "only HTTP is spoken"
		proxy = "the proxy is that of the environment"
		roots = "the system's certificates are trusted, and a client has none"
		files = "a script reads and writes no files by a transfer"
		by    = "a header line of OPT_HTTPHEADER does it"
	)
	return []curlOption{
		{"WRITEDATA", curlWriteData, curlData, ""},
		{"URL", curlURL, curlString, ""},
		{"PORT", curlPort, curlNumber, ""},
		{"PROXY", 10004, curlString, proxy},
		{"USERPWD", curlUserPwd, curlString, ""},
		{"PROXYUSERPWD", 10006, curlString, proxy},
		{"RANGE", curlRange, curlString, ""},
		{"READDATA", curlReadData, curlData, ""},
		{"WRITEFUNCTION", curlWriteFunction, curlCallback, ""},
		{"READFUNCTION", curlReadFunction, curlCallback, ""},
		{"TIMEOUT", curlTimeout, curlNumber, ""},
		{"INFILESIZE", curlInFileSize, curlNumber, ""},
		{"POSTFIELDS", curlPostFields, curlString, ""},
		{"REFERER", curlReferer, curlString, ""},
		{"FTPPORT", 10017, curlString, http},
		{"USERAGENT", curlUserAgent, curlString, ""},
		{"LOW_SPEED_LIMIT", 19, curlNumber, ""},
		{"LOW_SPEED_TIME", 20, curlNumber, ""},
		{"RESUME_FROM", curlResumeFrom, curlNumber, ""},
		{"COOKIE", curlCookie, curlString, ""},
		{"HTTPHEADER", curlHTTPHeader, curlList, ""},
		{"HTTPPOST", 10024, curlList, "the script makes the form's body"},
		{"SSLCERT", 10025, curlString, roots},
		{"SSLKEYPASSWD", 10026, curlString, roots},
		{"CRLF", 27, curlBoolean, "a body is sent as it is"},
		{"QUOTE", 10028, curlList, http},
		{"HEADERDATA", curlHeaderData, curlData, ""},
		{"COOKIEFILE", 10031, curlString, files},
		{"SSLVERSION", 32, curlNumber, "TLS 1.2 or later is spoken"},
		{"TIMECONDITION", 33, curlNumber, by},
		{"TIMEVALUE", 34, curlNumber, by},
		{"CUSTOMREQUEST", curlCustom, curlString, ""},
		{"POSTQUOTE", 10039, curlList, http},
		{"WRITEINFO", 10040, curlString, "libcurl never had it"},
		{"VERBOSE", 41, curlBoolean, ""},
		{"HEADER", curlHeader, curlBoolean, ""},
		{"NOPROGRESS", curlNoProgress, curlBoolean, ""},
		{"NOBODY", curlNoBody, curlBoolean, ""},
		{"FAILONERROR", curlFailOnError, curlBoolean, ""},
		{"UPLOAD", curlUpload, curlBoolean, ""},
		{"POST", curlPost, curlBoolean, ""},
		{"FTPLISTONLY", 48, curlBoolean, http},
		{"FTPAPPEND", 50, curlBoolean, http},
		{"NETRC", 51, curlNumber, files},
		{"FOLLOWLOCATION", curlFollow, curlBoolean, ""},
		{"TRANSFERTEXT", 53, curlBoolean, http},
		{"PUT", curlPut, curlBoolean, ""},
		{"PROGRESSFUNCTION", curlProgress, curlCallback, ""},
		{"PROGRESSDATA", curlProgressData, curlData, ""},
		{"AUTOREFERER", 58, curlBoolean, ""},
		{"PROXYPORT", 59, curlNumber, proxy},
		{"POSTFIELDSIZE", curlPostSize, curlNumber, ""},
		{"HTTPPROXYTUNNEL", 61, curlBoolean, proxy},
		{"INTERFACE", 10062, curlString, "the system chooses the local address"},
		{"KRB4LEVEL", 10063, curlString, http},
		{"SSL_VERIFYPEER", curlVerifyPeer, curlBoolean, ""},
		{"CAINFO", 10065, curlString, roots},
		{"MAXREDIRS", curlMaxRedirs, curlNumber, ""},
		{"FILETIME", 69, curlBoolean, "the Last-Modified header says it"},
		{"TELNETOPTIONS", 10070, curlList, http},
		{"MAXCONNECTS", 71, curlNumber, ""},
		{"CLOSEPOLICY", 72, curlNumber, ""},
		{"FRESH_CONNECT", 74, curlBoolean, ""},
		{"FORBID_REUSE", 75, curlBoolean, ""},
		{"RANDOM_FILE", 10076, curlString, files},
		{"EGDSOCKET", 10077, curlString, files},
		{"CONNECTTIMEOUT", 78, curlNumber, ""},
		{"HEADERFUNCTION", curlHeaderFunc, curlCallback, ""},
		{"HTTPGET", curlHTTPGet, curlBoolean, ""},
		{"SSL_VERIFYHOST", curlVerifyHost, curlNumber, ""},
		{"COOKIEJAR", 10082, curlString, files},
		{"SSL_CIPHER_LIST", 10083, curlString, "Go chooses the ciphers"},
		{"HTTP_VERSION", 84, curlNumber, ""},
		{"FTP_USE_EPSV", 85, curlBoolean, http},
		{"SSLCERTTYPE", 10086, curlString, roots},
		{"SSLKEY", 10087, curlString, roots},
		{"SSLKEYTYPE", 10088, curlString, roots},
		{"SSLENGINE", 10089, curlString, roots},
		{"SSLENGINE_DEFAULT", 90, curlBoolean, roots},
		{"DNS_USE_GLOBAL_CACHE", 91, curlBoolean, ""},
		{"DNS_CACHE_TIMEOUT", 92, curlNumber, ""},
		{"PREQUOTE", 10093, curlList, http},
		{"COOKIESESSION", 96, curlBoolean, ""},
		{"CAPATH", 10097, curlString, roots},
		{"BUFFERSIZE", 98, curlNumber, ""},
		{"NOSIGNAL", 99, curlBoolean, ""},
		{"PROXYTYPE", 101, curlNumber, proxy},
		{"ENCODING", 10102, curlString, ""},
		{"HTTP200ALIASES", 10104, curlList, http},
		{"UNRESTRICTED_AUTH", 105, curlBoolean, "a password is sent to no other host"},
		{"FTP_USE_EPRT", 106, curlBoolean, http},
		{"HTTPAUTH", curlHTTPAuth, curlNumber, ""},
		{"FTP_CREATE_MISSING_DIRS", 110, curlBoolean, http},
		{"PROXYAUTH", 111, curlNumber, proxy},
		{"FTP_RESPONSE_TIMEOUT", 112, curlNumber, http},
		{"IPRESOLVE", 113, curlNumber, "both families are tried"},
		{"MAXFILESIZE", curlMaxFileSize, curlNumber, ""},
		{"INFILESIZE_LARGE", curlInFileLarge, curlNumber, ""},
		{"RESUME_FROM_LARGE", curlResumeLarge, curlNumber, ""},
		{"MAXFILESIZE_LARGE", curlMaxFileLarge, curlNumber, ""},
		{"NETRC_FILE", 10118, curlString, files},
		{"FTP_SSL", 119, curlNumber, http},
		{"POSTFIELDSIZE_LARGE", curlPostSizeLarge, curlNumber, ""},
		{"TCP_NODELAY", 121, curlBoolean, ""},
		{"SOURCE_USERPWD", 10123, curlString, http},
		{"SOURCE_PREQUOTE", 10127, curlList, http},
		{"SOURCE_POSTQUOTE", 10128, curlList, http},
		{"FTPSSLAUTH", 129, curlNumber, http},
		{"IOCTLFUNCTION", 20130, curlCallback, ""},
		{"IOCTLDATA", 10131, curlData, ""},
		{"SOURCE_URL", 10132, curlString, http},
		{"SOURCE_QUOTE", 10133, curlList, http},
		{"FTP_ACCOUNT", 10134, curlString, http},
		{"SEEKFUNCTION", 20167, curlCallback, ""},
		{"SEEKDATA", 10168, curlData, ""},
	}
}

// curlLack is why a documented constant of the package is not supported.
func curlLack(d *documented) string {
	name, ok := strings.CutPrefix(d.name, "curl.OPT_")
	if !ok || d.kind != "constant" {
		return ""
	}
	for _, o := range curlOptions() {
		if o.name == name {
			return o.lack
		}
	}
	return ""
}

// The results of a transfer that scripts compare with: CURLE_name.
const (
	curlOK              = 0
	curlBadProtocol     = 1
	curlBadURL          = 3
	curlNoHost          = 6
	curlNoConnect       = 7
	curlHTTPError       = 22
	curlWriteError      = 23
	curlReadError       = 26
	curlTimedOut        = 28
	curlTLSError        = 35
	curlAborted         = 42
	curlBadArgument     = 43
	curlTooManyRedirs   = 47
	curlUnknownOption   = 48
	curlReceiveError    = 56
	curlBadCertificate  = 60
	curlFileSizeReached = 63
)

// What c:getinfo tells: CURLINFO_name.
const (
	curlInfoURL       = 0x100001
	curlInfoCode      = 0x200002
	curlInfoTime      = 0x300003
	curlInfoUpload    = 0x300007
	curlInfoDownload  = 0x300008
	curlInfoHeader    = 0x20000B
	curlInfoLength    = 0x30000F
	curlInfoType      = 0x100012
	curlInfoRedirects = 0x200014
	curlInfoCookies   = 0x40001C
)
