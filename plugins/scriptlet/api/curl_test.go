package api

import (
	"strings"
	"testing"
)

func TestCurlTransfers(t *testing.T) {
	w := newHTTPWorld(t, newWebServer(t).URL, nil)
	w.run(`function fetch(...)
		payload, head = "", ""
		c:setopt(curl.OPT_WRITEFUNCTION, function(_, data) payload = payload .. data return #data end)
		c:setopt(curl.OPT_HEADERFUNCTION, function(_, data) head = head .. data return #data end)
		local ok, err, code = c:perform()
		return ok, payload, err, code
	end`)
	for _, c := range []struct{ script, want string }{
		{`return c:setopt(curl.OPT_URL, url .. "/echo?a"), fetch()`, `true true GET /echo?a type= ua=mtad custom= host=127.0.0.1 body= nil nil`},
		{`return c:getinfo(curl.INFO_RESPONSE_CODE), c:getinfo(curl.INFO_EFFECTIVE_URL) == url .. "/echo?a", c:getinfo(curl.INFO_TOTAL_TIME) > 0,
			c:getinfo(curl.INFO_COOKIELIST), c:getinfo(curl.INFO_CONTENT_TYPE), c:getinfo(curl.INFO_SIZE_DOWNLOAD) == #payload,
			c:getinfo(curl.INFO_HEADER_SIZE) == #head`, `200 true true nil text/plain; charset=utf-8 true true`},
		{`return head:match("^HTTP/1.1 200 OK\r\n"), head:match("X%-Two: a\r\nX%-Two: b\r\n"), head:match("\r\n\r\n$")`, "HTTP/1.1 200 OK\r\n X-Two: a\r\nX-Two: b\r\n \r\n\r\n"},
		{`return c:getinfo(0)`, `nil unknown CURLINFO type: 0 43`},
		{`c:setopt(curl.OPT_POSTFIELDS, "x=1") return fetch()`, `true POST /echo?a type=application/x-www-form-urlencoded ua=mtad custom= host=127.0.0.1 body=x=1 nil nil`},
		{`c:setopt(curl.OPT_HTTPHEADER, "X-Custom: woot", "X-Custom: thing", "User-Agent: mine", "Content-Type: a/b")
			c:setopt(curl.OPT_POSTFIELDSIZE, 2) return fetch()`,
			`true POST /echo?a type=a/b ua=mine custom=woot|thing host=127.0.0.1 body=x= nil nil`},
		{`c:setopt(curl.OPT_HTTPHEADER, nil) c:setopt(curl.OPT_USERAGENT, "agent") c:setopt(curl.OPT_HTTPGET, true) return fetch()`,
			`true GET /echo?a type= ua=agent custom= host=127.0.0.1 body= nil nil`},
		{`local pieces = { "hello", "there" } c:setopt(curl.OPT_READFUNCTION, function(_, size) return table.remove(pieces) end)
			c:setopt(curl.OPT_CUSTOMREQUEST, "TESTREADER") c:setopt(curl.OPT_UPLOAD, true) c:setopt(curl.OPT_INFILESIZE, 10) return fetch()`,
			`true TESTREADER /echo?a type= ua=agent custom= host=127.0.0.1 body=therehello nil nil`},
		{`return c:getinfo(curl.INFO_SIZE_UPLOAD)`, `10`},
		{`c:setopt(curl.OPT_CUSTOMREQUEST, nil) c:setopt(curl.OPT_UPLOAD, false) c:setopt(curl.OPT_NOBODY, true) return fetch()`, `true  nil nil`},
		{`c:reset() c:setopt(curl.OPT_URL, url .. "/moved") return fetch(), c:getinfo(curl.INFO_RESPONSE_CODE)`,
			"true 302"},
		{`c:setopt(curl.OPT_FOLLOWLOCATION, true) c:perform() return c:getinfo(curl.INFO_RESPONSE_CODE), c:getinfo(curl.INFO_REDIRECT_COUNT)`, `200 1`},
		{`c:setopt(curl.OPT_URL, url .. "/loop") c:setopt(curl.OPT_MAXREDIRS, 2) return c:perform()`, `nil too many redirections 47`},
		{`c:setopt(curl.OPT_URL, url .. "/teapot") c:setopt(curl.OPT_FAILONERROR, true) return c:perform()`, `nil The requested URL returned error: 418 22`},
		{`c:setopt(curl.OPT_FAILONERROR, false) c:setopt(curl.OPT_HEADER, true) fetch() return payload:match("^HTTP/1.1 418"), payload:match("stout$")`, `HTTP/1.1 418 stout`},
		{`c:setopt(curl.OPT_WRITEDATA, { "boom!" }) local first c:setopt(curl.OPT_WRITEFUNCTION, function(h, d) first = h return #d end)
			return c:perform(), first[1]`, `true boom!`},
		{`c:setopt(curl.OPT_WRITEFUNCTION, function() end) return c:perform()`, `nil OPT_WRITEFUNCTION did not take what it was given 23`},
		{`c:setopt(curl.OPT_WRITEFUNCTION, nil) return c:perform()`, `true`},
		{`local told c:setopt(curl.OPT_PROGRESSFUNCTION, function(_, total, now) told = total == now return 1 end) c:setopt(curl.OPT_NOPROGRESS, false)
			local ok, err, code = c:perform() return ok, err, code, told`, `nil Callback aborted 42 true`},
		{`c:setopt(curl.OPT_NOPROGRESS, true) c:setopt(curl.OPT_URL, url .. "/huge") return c:perform()`, `nil the answer is too large: more than 16777216 bytes 63`},
		{`c:setopt(curl.OPT_MAXFILESIZE, 5) return c:perform()`, `nil the answer is too large: more than 5 bytes 63`},
		{`c:setopt(curl.OPT_URL, url .. "/slow") c:setopt(curl.OPT_TIMEOUT, 0.05) return c:perform()`, `nil timed out 28`},
		{`c:setopt(curl.OPT_URL, "ftp://127.0.0.1/") return c:perform()`, `nil only http:// and https:// URLs are known 1`},
		{`c:setopt(curl.OPT_URL, "") return c:perform()`, `nil malformed URL 3`},
		{`c:setopt(curl.OPT_URL, "http://127.0.0.1/") c:setopt(curl.OPT_PORT, 1) local ok, _, code = c:perform() return ok, code`, `nil 7`},
		{`c:setopt(curl.OPT_HTTPHEADER, "Evil: a\r\nX: b") local ok, _, code = c:perform() return ok, code`, `nil 43`},
		{`return c:setopt(4711, true)`, `nil unknown option 4711 48`},
		{`return c:setopt(curl.OPT_SSL_VERIFYPEER, true), c:setopt(curl.OPT_SSL_VERIFYHOST, 2), c:setopt(curl.OPT_NOSIGNAL, true)`, `true true true`},
	} {
		w.is(c.want, c.script)
	}
}

func TestCurlSendsWhatOptionsSay(t *testing.T) {
	h := newCurlHandle()
	w := newHTTPWorld(t, "", nil)
	w.L.SetGlobal("h", w.env.Object(classCurl, h))
	w.run(`h:setopt(curl.OPT_USERPWD, "Aladdin:open sesame") h:setopt(curl.OPT_COOKIE, "a=b") h:setopt(curl.OPT_RESUME_FROM, 100) h:setopt(curl.OPT_REFERER, "x")`)
	got, problem := h.fields()
	if problem != nil {
		t.Fatal(problem)
	}
	if lines := strings.Join(headerLines(got), ";"); lines != "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==;Cookie: a=b;Range: bytes=100-;Referer: x" {
		t.Error(lines)
	}
	w.run(`h:setopt(curl.OPT_COOKIE, "a=b\r\nEvil: c")`)
	if _, problem := h.fields(); problem == nil || problem.code != curlBadArgument {
		t.Errorf("%+v", problem)
	}
}

func TestCurlMisuse(t *testing.T) {
	w := newHTTPWorld(t, newWebServer(t).URL, nil)
	w.raises("boolean value expected, got number", `c:setopt(curl.OPT_VERBOSE, 42)`)
	w.raises("Invalid number of arguments", `c:setopt(curl.OPT_HTTPHEADER)`)
	w.raises("Invalid number of arguments", `c:setopt(curl.OPT_URL, "a", "b")`)
	w.raises("function value expected, got string", `c:setopt(curl.OPT_WRITEFUNCTION, "x")`)
	w.raises("string value expected, got table", `c:setopt(curl.OPT_HTTPHEADER, "a: b", {})`)
	w.raises("curl.OPT_PROXY is not supported by mtad", `c:setopt(curl.OPT_PROXY, "http://x")`)
	w.raises("certificates are always verified", `c:setopt(curl.OPT_SSL_VERIFYPEER, false)`)
	w.raises("certificates are always verified", `c:setopt(curl.OPT_SSL_VERIFYHOST, 0)`)
	w.raises("only Basic", `c:setopt(curl.OPT_HTTPAUTH, 8)`)
	w.raises("c", `c:setopt(curl.OPT_URL, url .. "/teapot") c:setopt(curl.OPT_WRITEFUNCTION, function() error("c") end) c:perform()`)
	w.raises("the curl handle is closed", `local d = curl.new() d:close() d:close() d:perform()`)
	w.raises("bad argument", `curl.escape({})`)
	w.raises("is not supported by mtad", `c:fetch_into_file("/tmp/x")`)
	w.is("abcd%24%25%5E%26%2A%28%29 a b%zz%2", `return curl.escape("abcd$%^&*()"), curl.unescape("a%20b%zz%2")`)
}

func TestCurlOptionsAreDocumented(t *testing.T) {
	declared := make(map[string]bool)
	for _, o := range curlOptions() {
		if declared[o.name] {
			t.Errorf("%s is there twice", o.name)
		}
		declared[o.name] = true
	}
	for _, d := range documentedNames() {
		if name, ok := strings.CutPrefix(d.name, "curl.OPT_"); ok && !declared[name] {
			t.Errorf("%s is missing", d.name)
		}
	}
}
