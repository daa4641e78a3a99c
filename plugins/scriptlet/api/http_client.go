package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"golang.org/x/net/http/httpguts"

	"github.com/mtad/mtad/sdk"
)

const classHTTPClient = "http_client"

// httpClient is the value behind a client object: what its next request is
// made with, and what its last one gave. It lives in one interpreter, whose
// lock guards it.
type httpClient struct {
	header  http.Header
	timeout lua.LNumber // seconds; 0: httpTimeout
	answer  *httpAnswer
	failure string
}

// httpClientPackage is msys.http.client.
func httpClientPackage(pool *httpPool) Package {
	return Package{
		Name: "msys.http.client",
		Doc:  "An HTTP client. A request suspends the calling session, others go on. TLS certificates are always verified; an answer has 16 MiB at the most; five redirections are followed, never from https to http. 64 requests are under way at a time, others wait within their timeout.",
		Funcs: []Func{{
			Name: "new", Returns: "client", Phases: "any", Since: "3.5",
			Doc:     "Makes an HTTP client.",
			Example: `local client = msys.http.client.new()`,
			Do: func(e *Env, L *lua.LState) int {
				L.Push(e.Object(classHTTPClient, &httpClient{header: http.Header{}}))
				return 1
			},
		}},
		Classes: []Class{httpClientClass(pool)},
		Close:   pool.close,
	}
}

func httpClientClass(pool *httpPool) Class {
	return Class{
		Name: classHTTPClient, Doc: "A client of msys.http.client.new: what it sends is set first, what came back is read afterwards.",
		Methods: []Func{
			{
				Name: "set_timeout", Params: []Param{{Name: "seconds", Type: Number, Optional: true}},
				Returns: "nothing", Phases: "any", Since: "3.5",
				Doc:     "Bounds a whole request, in seconds; without an argument, and with 0, it is 30 again. The callout's own limit counts besides.",
				Example: `client:set_timeout(5)`,
				Do:      httpSetTimeout,
			},
			{
				Name: "set_header", Params: []Param{{Name: "header", Type: String, Optional: true}},
				Returns: "nothing", Phases: "any", Since: "3.5",
				Doc:     "Adds a header line to the requests that follow; without an argument all are dropped.",
				Example: `client:set_header("Content-Type: text/xml; charset=utf-8")`,
				Do:      httpSetHeader,
			},
			{
				Name: "do_request",
				Params: []Param{
					{Name: "method", Type: String}, {Name: "url", Type: String}, {Name: "data", Type: String, Optional: true},
				},
				Returns: "true | nil, message", Phases: "any", Since: "3.5",
				Doc:     "Sends a GET, POST, PUT or DELETE. Any answer is true, whatever its status; nil says why there is none.",
				Example: `local ok, err = client:do_request("GET", "http://127.0.0.1:8080/policy?domain=example.com")`,
				Do:      func(e *Env, L *lua.LState) int { return httpDoRequest(e, L, pool) },
			},
			{
				Name: "get_status", Returns: "code, text", Phases: "any", Since: "3.5",
				Doc:     "The status of the last answer, 0 and the reason where there is none.",
				Example: `local code, text = client:get_status()`,
				Do:      httpGetStatus,
			},
			{
				Name: "get_body", Returns: "string", Phases: "any", Since: "3.5",
				Doc:     "The body of the last answer, empty where there is none.",
				Example: `local body = client:get_body()`,
				Do: func(_ *Env, L *lua.LState) int {
					L.Push(lua.LString(httpSelf(L).last().body))
					return 1
				},
			},
			{
				Name: "get_headers", Returns: "table", Phases: "any", Since: "3.5",
				Doc:     "The header lines of the last answer, as an array sorted by name.",
				Example: `for _, line in ipairs(client:get_headers()) do print(line) end`,
				Do:      httpGetHeaders,
			},
			{
				Name: "parse_headers", Params: []Param{{Name: "headers", Type: Table}},
				Returns: "table", Phases: "any", Since: "3.5",
				Doc:     "Makes a table of value by name from what get_headers gave. A name is found in any case; the values of a repeated one are joined with commas.",
				Example: `local headers = client:parse_headers(client:get_headers())`,
				Do:      httpParseHeaders,
			},
		},
	}
}

func httpSelf(L *lua.LState) *httpClient { return L.ToUserData(1).Value.(*httpClient) }

// last is the last answer, an empty one where there is none.
func (c *httpClient) last() *httpAnswer {
	if c.answer == nil {
		return &httpAnswer{reason: c.failure}
	}
	return c.answer
}

func httpSetTimeout(_ *Env, L *lua.LState) int {
	n := L.OptNumber(2, 0)
	if !(n >= 0) { // NaN is neither
		L.RaiseError("bad argument #1 to 'set_timeout' (0 or more seconds expected)")
	}
	httpSelf(L).timeout = n
	return 0
}

// maxHTTPLines is how many header lines a client sends at the most.
const maxHTTPLines = 200

func httpSetHeader(_ *Env, L *lua.LState) int {
	c := httpSelf(L)
	if L.Get(2) == lua.LNil {
		c.header = http.Header{}
		return 0
	}
	addHeaderLine(L, c.header, L.ToString(2), "set_header")
	return 0
}

// addHeaderLine adds "Name: value", and raises where that is no header line
// (RFC 9110 §5.1, §5.5): a line end in it would smuggle in another.
func addHeaderLine(L *lua.LState, h http.Header, line, function string) {
	name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
		L.RaiseError("bad argument #1 to '%s' (\"Name: value\" expected, got %q)", function, line)
	}
	if len(h) >= maxHTTPLines || len(h.Values(name)) >= maxHTTPLines {
		L.RaiseError("%s: more than %d header lines", function, maxHTTPLines)
	}
	h.Add(name, value)
}

func httpDoRequest(e *Env, L *lua.LState, pool *httpPool) int {
	c := httpSelf(L)
	r := &httpRequest{
		method: L.ToString(2), url: L.ToString(3), body: L.OptString(4, ""),
		header: c.header.Clone(), timeout: httpTimeout, redirects: maxHTTPRedirects, bodyLimit: maxHTTPBody,
	}
	if !slices.Contains([]string{"GET", "POST", "PUT", "DELETE"}, r.method) {
		L.RaiseError("bad argument #1 to 'do_request' (GET, POST, PUT or DELETE expected, got %s)", r.method)
	}
	if c.timeout > 0 {
		r.timeout = seconds(c.timeout)
	}
	if r.method == "POST" && r.header.Get("Content-Type") == "" {
		r.header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := httpDo(e, L, pool, r)
	c.answer, c.failure = answer, ""
	if err != nil {
		c.failure = err.Error()
		return failure(L, c.failure)
	}
	L.Push(lua.LTrue)
	return 1
}

// httpDo suspends the session while the pool makes the request.
func httpDo(e *Env, L *lua.LState, pool *httpPool, r *httpRequest) (answer *httpAnswer, err error) {
	if e.World.Config().CheckOnly {
		return nil, sdk.ErrNoIO
	}
	e.World.Wait(L, false, func(ctx context.Context) { answer, err = pool.do(ctx, r) })
	if err == nil {
		e.World.Spend(L, len(answer.body)/100)
	}
	return answer, err
}

func httpGetStatus(_ *Env, L *lua.LState) int {
	a := httpSelf(L).last()
	L.Push(lua.LNumber(a.code))
	L.Push(lua.LString(a.reason))
	return 2
}

// headerLines are header lines sorted by name, in the order of arrival where
// there are several of one name.
func headerLines(h http.Header) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	var lines []string
	for _, name := range names {
		for _, value := range h[name] {
			lines = append(lines, name+": "+value)
		}
	}
	return lines
}

func httpGetHeaders(e *Env, L *lua.LState) int {
	lines := headerLines(httpSelf(L).last().header)
	e.World.Spend(L, 10*len(lines))
	t := L.CreateTable(len(lines), 0)
	for _, line := range lines {
		t.Append(lua.LString(line))
	}
	L.Push(t)
	return 1
}

// httpParseHeaders joins repeated fields as RFC 9110 §5.3 has it. Field names
// are case-insensitive (§5.1), so the table is.
func httpParseHeaders(e *Env, L *lua.LState) int {
	lines, out, folded := L.ToTable(2), L.NewTable(), L.NewTable()
	names := make(map[string]string)
	for i := 1; i <= lines.Len(); i++ {
		line, _ := lines.RawGetInt(i).(lua.LString)
		e.World.Spend(L, 10+len(line)/10)
		name, value, ok := strings.Cut(strings.TrimRight(string(line), "\r\n"), ":")
		if !ok {
			continue // a status line
		}
		key := strings.ToLower(strings.TrimSpace(name))
		if names[key] == "" {
			names[key] = strings.TrimSpace(name)
		}
		text := lua.LString(strings.TrimSpace(value))
		if before, ok := folded.RawGetString(key).(lua.LString); ok {
			text = before + ", " + text
		}
		e.World.Spend(L, len(text)/10)
		folded.RawSetString(key, text)
		out.RawSetString(names[key], text)
	}
	out.Metatable = anyCase(L, folded)
	L.Push(out)
	return 1
}

// anyCase is a metatable that finds what folded has by its lower-case name.
func anyCase(L *lua.LState, folded *lua.LTable) *lua.LTable {
	meta := L.NewTable()
	meta.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		key, ok := L.Get(2).(lua.LString)
		if !ok {
			L.Push(lua.LNil)
			return 1
		}
		L.Push(folded.RawGetString(strings.ToLower(string(key))))
		return 1
	}))
	return meta
}
