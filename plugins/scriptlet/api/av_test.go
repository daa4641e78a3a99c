package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/sdktest"
)

// scanWorld is a session whose configuration has all scanners, which answer as
// answer says what they read.
func scanWorld(t *testing.T, answer func(request string) string) *mailWorld {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, answer(request(bufio.NewReader(c)))) // the script says what it got
			c.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	w := newMailWorld(t, sdk.ValidateData)
	at := []any{"daemon", l.Addr().String()}
	w.config.Scopes = []option.Scope{
		{Name: "scriptlet"}, {Name: "antivirus", Instance: "a", Scopes: []option.Scope{sdktest.Scope("clamav", "c", at...)}},
		sdktest.Scope("spamassassin", "", at...), sdktest.Scope("rspamd", "", at...),
	}
	return w
}

// request reads one of clamd's to its last chunk, or one of spamd's and rspamd's
// to its length.
func request(r *bufio.Reader) string {
	var b strings.Builder
	want := -1
	for want < 0 || b.Len() < want {
		c, err := r.ReadByte()
		if err != nil {
			break
		}
		b.WriteByte(c)
		text := b.String()
		if chunks, ok := strings.CutPrefix(text, "zINSTREAM\x00"); ok {
			if strings.HasSuffix(chunks, "\x00\x00\x00\x00") {
				break
			}
			continue
		}
		if head, _, ok := strings.Cut(text, "\r\n\r\n"); ok && want < 0 {
			_, length, _ := strings.Cut(strings.ToLower(head), "content-length: ")
			length, _, _ = strings.Cut(length, "\r\n")
			n, _ := strconv.Atoi(length)
			want = b.Len() + n
		}
	}
	return b.String()
}

func TestAV(t *testing.T) {
	w := scanWorld(t, func(got string) string {
		switch {
		case strings.Contains(got, "BROKEN"):
			return ""
		case strings.Contains(got, "BIG"):
			return "INSTREAM size limit exceeded. ERROR\x00"
		case strings.Contains(got, "SECRET"), strings.HasPrefix(got[10:], "\x00\x00\x00\x05hello"):
			return "stream: A.Virus FOUND\x00"
		}
		return "stream: OK\x00"
	})
	w.run(`require("msys.av"); A = msys.av`)
	w.is("clamav 1", `return A.engines()[1], #A.engines()`)
	w.is("true A.Virus clamav FOUND", `local s, v, e, c = A.scan(); return s == A.EC_AV_INFECTED, v, e, c`)
	w.is("true infected A.Virus", `return A.scan(vctx, "clamav", msg) == A.EC_AV_INFECTED, vctx:get(M, "clamav_status"), vctx:get(M, "clamav_status_info")`)
	w.is("true nil nil", `local s, v, e, c = A.scan("other"); return s == A.EC_AV_NO_ENGINE, e, c`)
	w.is("true", `return A.scan(string.rep("x", 41)) == A.EC_AV_NAME_TOO_LONG`)
	w.raises("an engine, a message or a validation context expected, got table", `A.scan({})`)
	w.raises("bad argument #1 to 'scan_part'", `A.scan_part(nil)`)

	w.multipart()
	w.is("true", `return A.scan_part(msg:mime()) == A.EC_AV_PART_IS_CONTAINER`)
	w.is("true A.Virus", `local s, v = A.scan_part(msg:mime().parts.next.next, "clamav", vctx); return s == A.EC_AV_INFECTED, v`)
	w.run(`msg:body("clean\r\n")`)
	w.is("true  nil OK", `local s, v, e, c = A.scan(); return s == A.EC_AV_CLEAN, v, e, c`)
	w.run(`msg:body("BIG\r\n")`)
	w.is("true INSTREAM size limit exceeded", `local s, v = A.scan(); return s == A.EC_AV_UNSCANNABLE, v`)
	w.run(`msg:body("BROKEN\r\n")`)
	w.is("true EOF error", `local s, v = A.scan(); return s == A.EC_AV_ERROR, v, vctx:get(M, "clamav_status")`)
	if logs := fmt.Sprint(w.host.Logs()); !strings.Contains(logs, "clamav cannot scan message") {
		t.Error(logs)
	}
}

func TestSpamScanners(t *testing.T) {
	w := scanWorld(t, func(got string) string {
		switch {
		case strings.Contains(got, "BROKEN"):
			return ""
		case strings.HasPrefix(got, "SYMBOLS"):
			return "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 7.1 / 5.0\r\n\r\nA,B"
		case strings.Contains(got, "Helo: client.test") && strings.Contains(got, "IP: 192.0.2.1"):
			body := `{"action":"reject","score":20,"required_score":15,"symbols":{"B":{},"A":{}}}`
			return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
		return "HTTP/1.1 400 no\r\n\r\n"
	})
	w.run(`require("msys.spamc"); require("msys.rspamd")`)
	w.run(`msys.spamc.spamc_scan(msg)`)
	w.is("ok true 7.10 5.00 A,B", `local function g(k) return vctx:get(M, "spamc_" .. k) end; return g("status"), g("spam"), g("score"), g("thresh"), g("symbols")`)
	w.is("reject 20 15 A B false ok A,B", `local r = msys.rspamd.scan(msg); return r.action, r.score, r.threshold, r.symbols[1], r.symbols[2], r.skipped, vctx:get(M, "rspamd_status"), vctx:get(M, "rspamd_symbols")`)
	w.run(`msg:body("BROKEN\r\n"); msys.spamc.spamc_scan(msg)`)
	w.is("failed", `return vctx:get(M, "spamc_status")`)
	w.is("true failed", `local r, why = msys.rspamd.scan(msg); return r == nil and #why > 0, vctx:get(M, "rspamd_status")`)
	w.config.Scopes = nil
	w.is("nil the configuration has no scope for it", `return msys.rspamd.scan(msg)`)
	w.raises("bad argument #1 to 'spamc_scan'", `msys.spamc.spamc_scan()`)
}
