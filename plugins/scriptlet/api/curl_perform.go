package api

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"golang.org/x/net/http/httpguts"
)

// curlPiece is how much of a body a callback gets or gives at a time, in
// bytes.
const curlPiece = 16 << 10

// curlProblem is a transfer that ended early.
type curlProblem struct {
	code int
	text string
}

func curlPerform(e *Env, L *lua.LState, pool *httpPool) int {
	h := curlSelf(L)
	h.answer, h.sent = nil, 0
	r, problem := h.request(e, L)
	if problem != nil {
		return curlFailed(L, problem.code, problem.text)
	}
	h.sent = len(r.body)
	answer, err := httpDo(e, L, pool, r)
	if err != nil {
		return curlFailed(L, curlCode(err), err.Error())
	}
	h.answer = answer
	if problem := h.deliver(e, L, answer); problem != nil {
		return curlFailed(L, problem.code, problem.text)
	}
	L.Push(lua.LTrue)
	return 1
}

func (h *curlHandle) text(option int) string {
	if v := h.values[option]; v != nil && v != lua.LNil {
		return v.String()
	}
	return ""
}

func (h *curlHandle) on(option int) bool { v := h.values[option]; return v != nil && lua.LVAsBool(v) }

// number is the first of the options that is set to more than 0; else 0.
func (h *curlHandle) number(options ...int) float64 {
	for _, o := range options {
		if n, ok := h.values[o].(lua.LNumber); ok && n > 0 {
			return float64(n)
		}
	}
	return 0
}

// request is what the options say.
func (h *curlHandle) request(e *Env, L *lua.LState) (*httpRequest, *curlProblem) {
	r := &httpRequest{method: h.verb, url: h.text(curlURL), timeout: httpTimeout, bodyLimit: maxHTTPBody}
	if custom := h.text(curlCustom); custom != "" {
		r.method = custom
	}
	if n := h.number(curlTimeout); n > 0 {
		r.timeout = seconds(lua.LNumber(n))
	}
	if h.on(curlFollow) {
		r.redirects = maxHTTPRedirects
		if n := h.number(curlMaxRedirs); n > 0 {
			r.redirects = int(min(n, 50))
		}
	}
	if n := h.number(curlMaxFileSize, curlMaxFileLarge); n > 0 && n < maxHTTPBody {
		r.bodyLimit = int64(n)
	}
	if n := h.number(curlPort); n > 0 {
		u, err := parseHTTPURL(r.url)
		if err != nil {
			return nil, &curlProblem{curlCode(err), err.Error()}
		}
		u.Host = net.JoinHostPort(u.Hostname(), strconv.Itoa(int(n)))
		r.url = u.String()
	}
	var problem *curlProblem
	if r.header, problem = h.fields(); problem == nil {
		r.body, problem = h.body(e, L)
	}
	if h.verb == "POST" && r.header.Get("Content-Type") == "" {
		r.header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r, problem
}

// fields is the header section. A line of OPT_HTTPHEADER takes the place of
// what another option says.
func (h *curlHandle) fields() (http.Header, *curlProblem) {
	out := http.Header{}
	set := func(name, value string) {
		if value != "" {
			out.Set(name, value)
		}
	}
	set("User-Agent", h.text(curlUserAgent))
	set("Referer", h.text(curlReferer))
	set("Cookie", h.text(curlCookie))
	if v := h.text(curlUserPwd); v != "" { // RFC 7617 §2
		set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(v)))
	}
	if v := h.text(curlRange); v != "" { // RFC 9110 §14.2
		set("Range", "bytes="+v)
	} else if n := h.number(curlResumeFrom, curlResumeLarge); n > 0 {
		set("Range", "bytes="+strconv.FormatInt(int64(n), 10)+"-")
	}
	replaced := make(map[string]bool)
	for _, line := range h.header {
		name, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return out, &curlProblem{curlBadArgument, "no header line: " + shortened(line)}
		}
		if key := http.CanonicalHeaderKey(name); !replaced[key] {
			replaced[key] = true
			out.Del(key)
		}
		if value != "" {
			out.Add(name, value)
		}
	}
	for _, values := range out {
		for _, v := range values {
			if !httpguts.ValidHeaderFieldValue(v) {
				return out, &curlProblem{curlBadArgument, "an option has a line end in it"}
			}
		}
	}
	return out, nil
}

// body is what is sent: OPT_POSTFIELDS, or what OPT_READFUNCTION gives until
// it gives nil.
func (h *curlHandle) body(e *Env, L *lua.LState) (string, *curlProblem) {
	if h.verb != "POST" && h.verb != "PUT" {
		return "", nil
	}
	if fields, ok := h.values[curlPostFields].(lua.LString); ok && h.verb == "POST" {
		text := string(fields)
		if n := h.number(curlPostSize, curlPostSizeLarge); n > 0 && n < float64(len(text)) {
			text = text[:int(n)]
		}
		return text, nil
	}
	read, ok := h.values[curlReadFunction].(*lua.LFunction)
	if !ok {
		return "", nil
	}
	most := h.number(curlInFileSize, curlInFileLarge)
	var b strings.Builder
	for most == 0 || float64(b.Len()) < most {
		piece := h.call(L, read, curlReadData, lua.LNumber(curlPiece))
		if piece == lua.LNil || piece == lua.LString("") {
			break
		}
		text, ok := piece.(lua.LString)
		if !ok || len(text) > curlPiece || b.Len()+len(text) > maxHTTPBody {
			return "", &curlProblem{curlReadError, "OPT_READFUNCTION gave what is no piece of a body"}
		}
		e.World.Spend(L, len(text)/10)
		b.WriteString(string(text))
	}
	return b.String(), nil
}

// call runs a callback. Its first argument is what the option data holds, the
// handle where that was never set.
func (h *curlHandle) call(L *lua.LState, fn *lua.LFunction, data int, args ...lua.LValue) lua.LValue {
	first := h.values[data]
	if first == nil {
		first = L.Get(1)
	}
	L.Push(fn)
	L.Push(first)
	for _, a := range args {
		L.Push(a)
	}
	L.Call(1+len(args), 1)
	out := L.Get(-1)
	L.Pop(1)
	return out
}

// curlHead is the status line and header section, as libcurl gives it to
// callbacks (RFC 9112 §2.1).
func curlHead(a *httpAnswer) string {
	if a.code == 0 {
		return ""
	}
	lines := append([]string{strings.TrimSpace(a.proto + " " + strconv.Itoa(a.code) + " " + a.reason)}, headerLines(a.header)...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// deliver gives an answer to the callbacks.
func (h *curlHandle) deliver(e *Env, L *lua.LState, a *httpAnswer) *curlProblem {
	if h.on(curlFailOnError) && a.code >= 400 {
		return &curlProblem{curlHTTPError, "The requested URL returned error: " + strconv.Itoa(a.code)}
	}
	head, body := curlHead(a), a.body
	if fn, ok := h.values[curlHeaderFunc].(*lua.LFunction); ok {
		for _, line := range strings.SplitAfter(strings.TrimSuffix(head, "\r\n"), "\r\n") {
			if line == "" {
				line = "\r\n"
			}
			if !h.took(e, L, fn, curlHeaderData, line) {
				return &curlProblem{curlWriteError, "OPT_HEADERFUNCTION did not take a line"}
			}
		}
	}
	if h.on(curlHeader) {
		body = head + body
	}
	if fn, ok := h.values[curlWriteFunction].(*lua.LFunction); ok {
		for rest := body; rest != ""; {
			piece := rest[:min(len(rest), curlPiece)]
			if !h.took(e, L, fn, curlWriteData, piece) {
				return &curlProblem{curlWriteError, "OPT_WRITEFUNCTION did not take what it was given"}
			}
			rest = rest[len(piece):]
		}
	}
	return h.progress(L, a)
}

// took is whether a callback took all that it was given.
func (h *curlHandle) took(e *Env, L *lua.LState, fn *lua.LFunction, data int, text string) bool {
	e.World.Spend(L, 10+len(text)/100)
	n, ok := h.call(L, fn, data, lua.LString(text)).(lua.LNumber)
	return ok && int(n) == len(text)
}

// progress tells OPT_PROGRESSFUNCTION how it ended; another result than 0
// makes it a failure.
func (h *curlHandle) progress(L *lua.LState, a *httpAnswer) *curlProblem {
	fn, ok := h.values[curlProgress].(*lua.LFunction)
	if quiet, set := h.values[curlNoProgress].(lua.LBool); !ok || !set || bool(quiet) {
		return nil
	}
	down, up := lua.LNumber(len(a.body)), lua.LNumber(h.sent)
	if n, ok := h.call(L, fn, curlProgressData, down, down, up, up).(lua.LNumber); ok && n != 0 {
		return &curlProblem{curlAborted, "Callback aborted"}
	}
	return nil
}

// curlCode is the result that libcurl has for an error.
func curlCode(err error) int {
	var dns *net.DNSError
	var op *net.OpError
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var bad *url.Error
	switch {
	case errors.Is(err, errHTTPScheme):
		return curlBadProtocol
	case errors.Is(err, errHTTPURL), errors.As(err, &bad):
		return curlBadURL
	case errors.Is(err, errHTTPTimeout):
		return curlTimedOut
	case errors.Is(err, errHTTPBody):
		return curlFileSizeReached
	case errors.Is(err, errHTTPRedirects), errors.Is(err, errHTTPDowngrade):
		return curlTooManyRedirs
	case errors.As(err, &dns):
		return curlNoHost
	case errors.As(err, &verification), errors.As(err, &authority):
		return curlBadCertificate
	case errors.As(err, &record), errors.As(err, &alert):
		return curlTLSError
	case errors.As(err, &op) && op.Op == "dial":
		return curlNoConnect
	}
	return curlReceiveError
}
