package api

import (
	"net/url"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

const classCurl = "curl"

// curlHandle is the value behind a handle: the options of its next transfer,
// and what the last one gave. It lives in one interpreter, whose lock guards
// it.
type curlHandle struct {
	values map[int]lua.LValue
	header []string // of OPT_HTTPHEADER
	verb   string   // that the last of OPT_POST, OPT_UPLOAD... chose
	answer *httpAnswer
	sent   int // bytes of the last body
	closed bool
}

func newCurlHandle() *curlHandle {
	return &curlHandle{values: make(map[int]lua.LValue), verb: "GET"}
}

// curlPackage is the binding of libcurl, over net/http: HTTP only, and with
// the bounds of msys.http.client.
func curlPackage(pool *httpPool) Package {
	known := make(map[int]curlOption)
	for _, o := range curlOptions() {
		known[o.number] = o
	}
	text := []Param{{Name: "text", Type: String}}
	return Package{
		Name: "curl",
		Doc:  "Transfers in the manner of libcurl, by HTTP and HTTPS only. c:perform suspends the calling session; the answer is held in memory, 16 MiB at the most, and then given to the callbacks. TLS certificates are always verified, and redirections are followed where OPT_FOLLOWLOCATION says so, five or OPT_MAXREDIRS of them.",
		Funcs: []Func{
			{
				Name: "new", Returns: "handle", Phases: "any", Since: "3.3",
				Doc: "Makes a handle.", Example: `local c = curl.new()`,
				Do: func(e *Env, L *lua.LState) int {
					L.Push(e.Object(classCurl, newCurlHandle()))
					return 1
				},
			},
			{
				Name: "escape", Params: text, Returns: "string", Phases: "any", Since: "3.3",
				Doc: "Escapes a text for a URL (RFC 3986 §2.1).", Example: `curl.escape("hello there") -- "hello%20there"`,
				Do: func(e *Env, L *lua.LState) int {
					e.World.Spend(L, len(L.ToString(1)))
					L.Push(lua.LString(strings.ReplaceAll(url.QueryEscape(L.ToString(1)), "+", "%20")))
					return 1
				},
			},
			{
				Name: "unescape", Params: text, Returns: "string", Phases: "any", Since: "3.3",
				Doc: "Undoes curl.escape; what is no escape stays.", Example: `curl.unescape("hello%20there") -- "hello there"`,
				Do: func(e *Env, L *lua.LState) int {
					e.World.Spend(L, len(L.ToString(1)))
					L.Push(lua.LString(curlUnescape(L.ToString(1))))
					return 1
				},
			},
		},
		Consts:  curlConsts(),
		Classes: []Class{curlClass(pool, known)},
		Setup: func(_ *Env, _ *lua.LState, pkg *lua.LTable) {
			for _, o := range curlOptions() { // those that setopt says are lacking
				pkg.RawSetString("OPT_"+o.name, lua.LNumber(o.number))
			}
		},
	}
}

func curlConsts() []Const {
	var out []Const
	for _, o := range curlOptions() {
		if o.lack == "" {
			out = append(out, Const{"OPT_" + o.name, lua.LNumber(o.number), "Option of c:setopt."})
		}
	}
	result := func(name string, n int) { out = append(out, Const{name, lua.LNumber(n), "Result of c:perform."}) }
	result("OK", curlOK)
	result("UNSUPPORTED_PROTOCOL", curlBadProtocol)
	result("URL_MALFORMAT", curlBadURL)
	result("COULDNT_RESOLVE_HOST", curlNoHost)
	result("COULDNT_CONNECT", curlNoConnect)
	result("HTTP_RETURNED_ERROR", curlHTTPError)
	result("WRITE_ERROR", curlWriteError)
	result("READ_ERROR", curlReadError)
	result("OPERATION_TIMEOUTED", curlTimedOut)
	result("SSL_CONNECT_ERROR", curlTLSError)
	result("ABORTED_BY_CALLBACK", curlAborted)
	result("BAD_FUNCTION_ARGUMENT", curlBadArgument)
	result("TOO_MANY_REDIRECTS", curlTooManyRedirs)
	result("RECV_ERROR", curlReceiveError)
	result("SSL_CACERT", curlBadCertificate)
	result("FILESIZE_EXCEEDED", curlFileSizeReached)
	info := func(name string, n int) {
		out = append(out, Const{"INFO_" + name, lua.LNumber(n), "What c:getinfo tells."})
	}
	info("EFFECTIVE_URL", curlInfoURL)
	info("RESPONSE_CODE", curlInfoCode)
	info("TOTAL_TIME", curlInfoTime)
	info("SIZE_UPLOAD", curlInfoUpload)
	info("SIZE_DOWNLOAD", curlInfoDownload)
	info("HEADER_SIZE", curlInfoHeader)
	info("CONTENT_LENGTH_DOWNLOAD", curlInfoLength)
	info("CONTENT_TYPE", curlInfoType)
	info("REDIRECT_COUNT", curlInfoRedirects)
	info("COOKIELIST", curlInfoCookies)
	return out
}

func curlUnescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+3 <= len(s) {
			if plain, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(plain)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func curlClass(pool *httpPool, known map[int]curlOption) Class {
	return Class{
		Name: classCurl, Doc: "A handle of curl.new.",
		Methods: []Func{
			{
				Name: "setopt", Params: []Param{{Name: "option", Type: Number}, {Name: "value", Type: Any, Variadic: true}},
				Returns: "true | nil, message, code", Phases: "any", Since: "3.3",
				Doc:     "Sets an option for the transfers that follow. Booleans must be true or false; a list takes several strings, or nil to be emptied.",
				Example: `c:setopt(curl.OPT_URL, "http://127.0.0.1:8080/policy")`,
				Do:      func(_ *Env, L *lua.LState) int { return curlSetopt(L, known) },
			},
			{
				Name: "perform", Returns: "true | nil, message, code", Phases: "any", Since: "3.3",
				Doc:     "Makes the transfer. OPT_WRITEFUNCTION gets the body in pieces and must return their lengths, OPT_HEADERFUNCTION the status line and header lines; without the former the body is dropped.",
				Example: `local ok, err, code = c:perform()`,
				Do:      func(e *Env, L *lua.LState) int { return curlPerform(e, L, pool) },
			},
			{
				Name: "getinfo", Params: []Param{{Name: "info", Type: Number}}, Returns: "value | nil, message, code", Phases: "any", Since: "3.3",
				Doc: "Tells about the last transfer.", Example: `local code = c:getinfo(curl.INFO_RESPONSE_CODE)`,
				Do: curlGetinfo,
			},
			{
				Name: "reset", Returns: "nothing", Phases: "any", Since: "3.6",
				Doc: "Forgets all options.", Example: `c:reset()`,
				Do: func(_ *Env, L *lua.LState) int {
					*curlSelf(L) = *newCurlHandle()
					return 0
				},
			},
			{
				Name: "close", Returns: "nothing", Phases: "any", Since: "3.3",
				Doc: "Ends the handle: using it afterwards is an error.", Example: `c:close()`,
				Do: func(_ *Env, L *lua.LState) int {
					*L.ToUserData(1).Value.(*curlHandle) = curlHandle{closed: true}
					return 0
				},
			},
			{
				Name: "fetch_into_file", Returns: "nothing", Phases: "none", Doc: "Is not there.",
				Status: Unsupported, Why: "a script reads and writes no files by a transfer",
			},
		},
	}
}

func curlSelf(L *lua.LState) *curlHandle {
	h := L.ToUserData(1).Value.(*curlHandle)
	if h.closed {
		L.RaiseError("the curl handle is closed")
	}
	return h
}

// curlFailed is the result of a call that failed.
func curlFailed(L *lua.LState, code int, text string) int {
	L.Push(lua.LNil)
	L.Push(lua.LString(text))
	L.Push(lua.LNumber(code))
	return 3
}

func curlSetopt(L *lua.LState, known map[int]curlOption) int {
	h := curlSelf(L)
	o, ok := known[L.ToInt(2)]
	switch {
	case !ok:
		return curlFailed(L, curlUnknownOption, "unknown option "+L.ToString(2))
	case o.lack != "":
		L.RaiseError("curl.OPT_%s is not supported by mtad: %s", o.name, o.lack)
	case L.GetTop() < 3 || L.GetTop() > 3 && o.kind != curlList:
		L.RaiseError("Invalid number of arguments to curl.OPT_%s", o.name)
	}
	curlCheckValue(L, &o)
	h.choose(o.number, lua.LVAsBool(L.Get(3)))
	switch o.number {
	case curlHTTPHeader:
		h.header = nil
		for i := 3; i <= L.GetTop() && L.Get(i) != lua.LNil && i < maxHTTPLines; i++ {
			h.header = append(h.header, L.Get(i).String())
		}
	case curlVerifyPeer, curlVerifyHost:
		if !lua.LVAsBool(L.Get(3)) || o.number == curlVerifyHost && L.ToNumber(3) < 2 {
			L.RaiseError("curl.OPT_%s: TLS certificates are always verified", o.name)
		}
	case curlHTTPAuth:
		if L.ToInt(3)&1 == 0 {
			L.RaiseError("curl.OPT_HTTPAUTH: only Basic (1) is known")
		}
	}
	h.values[o.number] = L.Get(3)
	L.Push(lua.LTrue)
	return 1
}

// choose is what an option makes of the request's method, as in libcurl: the
// last one counts.
func (h *curlHandle) choose(option int, on bool) {
	verb := ""
	switch option {
	case curlHTTPGet:
		verb, on = "GET", true
	case curlPost, curlPostFields:
		verb = "POST"
	case curlPut, curlUpload:
		verb = "PUT"
	case curlNoBody:
		verb = "HEAD"
	default:
		return
	}
	switch {
	case on:
		h.verb = verb
	case h.verb == verb:
		h.verb = "GET"
	}
}

// curlCheckValue raises unless the values fit the option. nil takes a value
// back.
func curlCheckValue(L *lua.LState, o *curlOption) {
	first, ok, want := L.Get(3).Type(), true, ""
	switch o.kind {
	case curlCallback:
		ok, want = first == lua.LTFunction || first == lua.LTNil, "function"
	case curlString:
		ok, want = first == lua.LTString || first == lua.LTNumber || first == lua.LTNil, "string"
	case curlNumber:
		ok, want = first == lua.LTNumber, "number"
	case curlBoolean:
		ok, want = first == lua.LTBool, "boolean"
	case curlList:
		want = "string"
		for i := 3; i <= L.GetTop() && ok; i++ {
			first = L.Get(i).Type()
			ok = first == lua.LTString || first == lua.LTNil
		}
	}
	if !ok {
		L.RaiseError("curl.OPT_%s: %s value expected, got %s", o.name, want, first.String())
	}
}

func curlGetinfo(_ *Env, L *lua.LState) int {
	h := curlSelf(L)
	a := h.answer
	if a == nil {
		a = &httpAnswer{}
	}
	var v lua.LValue = lua.LNil
	switch n := L.ToInt(2); n {
	case curlInfoURL:
		v = lua.LString(a.url)
	case curlInfoCode:
		v = lua.LNumber(a.code)
	case curlInfoTime:
		v = lua.LNumber(a.took.Seconds())
	case curlInfoUpload:
		v = lua.LNumber(h.sent)
	case curlInfoDownload, curlInfoLength:
		v = lua.LNumber(len(a.body))
	case curlInfoHeader:
		v = lua.LNumber(len(curlHead(a)))
	case curlInfoRedirects:
		v = lua.LNumber(a.redirects)
	case curlInfoType:
		if text := a.header.Get("Content-Type"); text != "" {
			v = lua.LString(text)
		}
	case curlInfoCookies:
	default:
		return curlFailed(L, curlBadArgument, "unknown CURLINFO type: "+L.ToString(2))
	}
	L.Push(v)
	return 1
}
