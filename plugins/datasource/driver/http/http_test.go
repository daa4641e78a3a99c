package http

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/plugins/datasource/driver/drivertest"
	"github.com/mtad/mtad/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type account struct {
	Name string  `json:"name"`
	Code int     `json:"code"`
	Note *string `json:"note"`
}

// service is an API over the accounts.
func service() http.Handler {
	gold, fine := "gold", "it's fine"
	all := []account{{"alice", 250, &gold}, {"o'brien", 251, &fine}, {"bob", 252, nil}}
	mux := http.NewServeMux()
	reply := func(w http.ResponseWriter, v any) { json.NewEncoder(w).Encode(v) }
	mux.HandleFunc("GET /api/accounts", func(w http.ResponseWriter, r *http.Request) { reply(w, all) })
	mux.HandleFunc("GET /api/accounts/{name}", func(w http.ResponseWriter, r *http.Request) {
		for _, a := range all {
			if a.Name == r.PathValue("name") {
				reply(w, a)
				return
			}
		}
		http.NotFound(w, r)
	})
	mux.HandleFunc("GET /api/echo", func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		reply(w, map[string]any{"q": r.URL.Query().Get("q"), "user": user + ":" + password, "deep": map[string]int{"a": 1}, "big": 1.5, "yes": true})
	})
	mux.HandleFunc("GET /api/text", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(r.URL.Query().Get("t"))) })
	mux.HandleFunc("GET /api/huge", func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, maxBody+1)) })
	mux.HandleFunc("GET /api/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/secret", http.StatusFound) })
	mux.HandleFunc("GET /api/busy", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.HandleFunc("GET /secret", func(w http.ResponseWriter, r *http.Request) { reply(w, "secret") })
	return mux
}

func open(t *testing.T, scheme, rest string, c driver.Config) driver.Pool {
	t.Helper()
	c.Rest = rest
	p, err := Driver{scheme}.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func ask(p driver.Pool, text, value string) (*sdk.Rows, error) {
	return p.Query(context.Background(), driver.Parse(&sdk.Query{SQL: text, Named: map[string]sdk.Datum{"v": {Kind: sdk.DatumText, Text: value}}}), -1)
}

func TestHTTP(t *testing.T) {
	s := httptest.NewServer(service())
	t.Cleanup(s.Close)
	rest := strings.TrimPrefix(s.URL, "http:") + "/api/"
	p := open(t, "http", rest, driver.Config{})
	t.Run("answers", func(t *testing.T) { answers(t, p) })
	t.Run("refusals", func(t *testing.T) { refusals(t, p) })
	t.Run("password", func(t *testing.T) {
		named := strings.Replace(rest, "//", "//joe:own@", 1)
		stored := func(a driver.Account) (string, bool, error) {
			return "stored", a == driver.Account{Facility: "http", Host: "127.0.0.1", User: "joe"}, nil
		}
		for want, p := range map[string]driver.Pool{"joe:own": open(t, "http", named, driver.Config{}), "joe:stored": open(t, "http", named, driver.Config{Password: stored})} {
			if rows, err := ask(p, "echo", ""); err != nil || cell(rows, "user") != want {
				t.Errorf("%+v %v, want %s", rows, err, want)
			}
		}
	})
	drivertest.Suite{Driver: Driver{"http"}, Rest: rest, ByName: "accounts/$who", All: "accounts", Broken: "text?t={", Numbers: true}.Run(t)
}

func cell(rows *sdk.Rows, column string) string {
	for i, c := range rows.Columns {
		if c == column && len(rows.Rows) > 0 {
			return driver.Text(rows.Rows[0][i])
		}
	}
	return "no such column"
}

func answers(t *testing.T, p driver.Pool) {
	rows, err := ask(p, "echo?q=$v&x=1", "a&b=c #%/é")
	if err != nil || cell(rows, "q") != "a&b=c #%/é" || cell(rows, "deep") != `{"a":1}` || cell(rows, "big") != "1.5" || cell(rows, "yes") != "true" {
		t.Errorf("%+v %v", rows, err)
	}
	for text, want := range map[string]int{"null": 0, "[]": 0, "[1,null,2]": 2, `"x"`: 1, " {} ": 1, "[[1],[2]]": 2} {
		if rows, err := ask(p, "text?t=$v", text); err != nil || len(rows.Rows) != want {
			t.Errorf("%s: %+v %v", text, rows, err)
		}
	}
}

// refusals: nothing leads out of the base, and what is no good answer is an error.
func refusals(t *testing.T, p driver.Pool) {
	for _, query := range []string{"../secret", "/secret", "http://127.0.0.1:1/", "//other/", "accounts/../../secret", "accounts#x", "accounts/$v/../../../secret", "text?t=", "text?t=1%202", "huge", "away", "%zz"} {
		rows, err := ask(p, query, "alice")
		var failed *driver.Error
		if !errors.As(err, &failed) || failed.Down {
			t.Errorf("%s: %+v %v", query, rows, err)
		}
	}
	for _, value := range []string{"..", ".", "", "../secret", "..%2Fsecret"} {
		if rows, err := ask(p, "accounts/$v", value); err == nil && len(rows.Rows) > 0 {
			t.Errorf("%q: %+v", value, rows)
		}
	}
	var failed *driver.Error
	if _, err := ask(p, "busy", ""); !errors.As(err, &failed) || !failed.Down || failed.Code != 503 {
		t.Errorf("a server that is busy: %v", err)
	}
	if _, err := p.Query(context.Background(), driver.Parse(&sdk.Query{SQL: "accounts", Execute: true}), -1); err == nil {
		t.Error("execute went well")
	}
}

// TestDown: nobody there, and somebody who says nothing.
func TestDown(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-release }))
	p := open(t, "http", strings.TrimPrefix(s.URL, "http:"), driver.Config{})
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	st := driver.Parse(&sdk.Query{SQL: "accounts?key=hidden"})
	for range 2 {
		_, err := p.Query(ctx, st, -1)
		var failed *driver.Error
		if !errors.As(err, &failed) || !failed.Down || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%v", err)
		}
		if ctx.Err() != nil && release != nil {
			close(release)
			s.Close()
			release, ctx = nil, context.Background()
		}
	}
}

func TestHTTPS(t *testing.T) {
	s := httptest.NewTLSServer(service())
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	rest := strings.TrimPrefix(s.URL, "https:") + "/api"
	if rows, err := ask(open(t, "https", rest+"#ca="+file, driver.Config{}), "accounts/$v", "alice"); err != nil || cell(rows, "code") != "250" {
		t.Errorf("%+v %v", rows, err)
	}
	if _, err := ask(open(t, "https", rest, driver.Config{}), "accounts", ""); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
}

func TestOpen(t *testing.T) {
	for rest, want := range map[string]string{"": "the uri must be", "host/x": "the uri must be", "//h/?a=b": "the uri must be", "//h/#x": "only be ca=", "//h/#ca=/nowhere": "no such file", "//h:p/": "the uri must be"} {
		if _, err := (Driver{"https"}).Open(driver.Config{Rest: rest}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", rest, err)
		}
	}
}

func FuzzTarget(f *testing.F) {
	f.Add("a/$v?x=$v", "../b")
	p := &pool{}
	made, err := (Driver{"http"}).Open(driver.Config{Rest: "//host/base/"})
	if err != nil {
		f.Fatal(err)
	}
	p = made.(*pool)
	f.Fuzz(func(t *testing.T, text, value string) {
		u, err := p.target(driver.Parse(&sdk.Query{SQL: text, Named: map[string]sdk.Datum{"v": {Kind: sdk.DatumText, Text: value}}}))
		if err == nil && (u.Host != "host" || !strings.HasPrefix(u.Path, "/base")) {
			t.Errorf("%q with %q: %s", text, value, u)
		}
	})
}
