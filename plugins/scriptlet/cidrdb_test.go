package scriptlet

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// What init defined in one interpreter all of them use, and a list goes over to
// the next generation without being read by its Prepare.
func TestListsAreShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("10.0.0.1 :5:\n")
	c := newClock()
	d := c.deps()
	d.CPUs = 4
	s := setup{deps: d, order: []string{"script"}, scripts: map[string]string{"script": head + `
function mod:init() msys.cidr.define("bl", { type = "rbldnsd", source = "` + path + `", refresh = 600 }) return true end
function mod:validate_ehlo(str, ac, vctx)
  vctx:set_code(550, "5.7.1 " .. tostring(msys.cidr.query("bl", "10.0.0.1")))
  return msys.core.VALIDATE_CONT
end` + foot}}
	w := s.start(t)
	if n := len(w.m.generation(1).interpreters); n != 4 {
		t.Fatalf("%d interpreters", n)
	}
	says := func(generation uint64, want string) {
		t.Helper()
		for session := range uint64(8) {
			st := &sdk.State{Conn: sdk.Conn{Session: session}}
			a, err := w.m.Call(context.Background(), &sdk.Call{Generation: generation, Phases: []sdk.Phase{{Hook: sdk.ValidateEHLO}}, State: st})
			if err != nil || a.Results[0].Reply == nil || a.Results[0].Reply.Text != want {
				t.Fatalf("session %d: %+v %v, want %s", session, a.Results[0], err, want)
			}
		}
	}
	says(1, "127.0.0.5")
	if reply, err := w.m.Control(context.Background(), []string{"cidrdb", "list"}); err != nil || reply != "bl [refresh in 600 seconds]\n" {
		t.Errorf("cidrdb list: %q %v", reply, err)
	}
	write("10.0.0.1 :6:\n")
	cfg := sdk.Config{Generation: 2, Scopes: []option.Scope{s.scope()}}
	if _, err := w.m.Prepare(context.Background(), w.host, cfg); err != nil {
		t.Fatal(err)
	}
	says(2, "127.0.0.5")
	w.m.Retire(1)
	if reply, err := w.m.Control(context.Background(), []string{"cidrdb", "list"}); err == nil {
		t.Errorf("a list of no configuration: %q", reply)
	}
	w.m.Commit(2)
	if _, err := w.m.Control(context.Background(), []string{"cidrdb", "reload", "bl"}); err != nil {
		t.Error(err)
	}
	says(2, "127.0.0.6")
	write("10.0.0.1 :77:\n")
	c.advance(11 * time.Minute)
	w.m.lists.Settle()
	says(2, "127.0.0.77")
	for _, words := range []string{"cidrdb reload", "cidrdb reload nope"} {
		if _, err := w.m.Control(context.Background(), strings.Fields(words)); err == nil {
			t.Errorf("%s succeeded", words)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := w.m.Control(context.Background(), []string{"cidrdb", "reload", "bl"}); err == nil || !strings.Contains(w.host.paniclog(), "cidrdb: CIDR list bl cannot be read, it stays as it is") {
		t.Errorf("a reload without a file: %v\n%s", err, w.host.paniclog())
	}
	says(2, "127.0.0.77")
}
