package bounce

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk"
)

// files are a disk.
type files map[string]string

func (f files) read(path string) ([]byte, error) {
	text, ok := f[path]
	if !ok {
		return nil, errors.New("open " + path + ": no such file")
	}
	return []byte(text), nil
}

func TestCheckOverrides(t *testing.T) {
	disk := files{"smtp": ",99,bad word\nx,oops,y\n", "mdn": "98,what\n"}
	o := &OverrideOptions{Custom: map[string]string{"99": "profanity", "10": "x", "100": "y", "a": "z"}, UserSMTP: "smtp", UserMDN: "mdn",
		System: true, SystemSMTP: ":datasource:nowhere:SELECT 1", SystemMDN: "absent"}
	var said []string
	for _, p := range CheckOverrides(o, []string{"db"}, disk.read) {
		said = append(said, p.Text)
	}
	all := strings.Join(said, "\n")
	for _, want := range []string{`smtp:2: "oops" is no bounce code`, "mdn:1: there is no bounce code 98", `"a" is no number below 100`, `"100" is no number`,
		"10 is Invalid Recipient already", `no datasource "nowhere"`, "open absent"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not said:\n%s", want, all)
		}
	}
}

func TestRulebook(t *testing.T) {
	disk := files{"f": "yahoo.test,99,busy|line\n"}
	rows, asked := [][]sdk.Datum{{{Kind: sdk.DatumInt, Int: 22}, {Kind: sdk.DatumText, Text: "voll"}}}, error(nil)
	tick, problems := make(chan time.Time), make(chan string, 10)
	b := &Rulebook{Read: disk.read, Problem: func(s string) { problems <- s }, After: func(time.Duration) <-chan time.Time { return tick },
		Query: func(_ context.Context, q *sdk.Query) (*sdk.Rows, error) {
			if q.Datasource != "db" || q.SQL != "SELECT a:b" {
				t.Errorf("asked %+v", q)
			}
			return &sdk.Rows{Rows: rows}, asked
		}}
	b.Use(&OverrideOptions{Custom: map[string]string{"99": "profanity"}, UserSMTP: "f", UserMDN: ":datasource:db:SELECT a:b", Refresh: time.Minute})
	b.Start(context.Background())
	defer b.Stop()
	if got := b.Class("550 BUSY the line", "yahoo.test"); got != 99 || b.Current().Info(got).Description != "profanity" {
		t.Errorf("class %d", got)
	}
	if got := b.Class("550 5.1.1 BUSY the line", "other.test"); got != 10 {
		t.Errorf("class %d for another domain", got)
	}
	if r := b.Current().MDN.Override("das Postfach ist voll"); r == nil || r.Class != 22 || r.Source != "db:1" {
		t.Errorf("rule %v", r)
	}
	asked = errors.New("gone")
	tick <- time.Time{}
	if said := <-problems; !strings.Contains(said, "datasource db: gone") {
		t.Error(said)
	}
	if b.Class("550 busy line", "yahoo.test") != 99 {
		t.Error("a reload that failed took the old rules away")
	}
	asked, rows = nil, nil
	disk["f"] = ",20,busy|line\n"
	if err := b.Reload(context.Background()); err != nil || b.Class("550 busy line", "") != 20 {
		t.Errorf("after a reload: %v", err)
	}
	disk["f"] = "nonsense"
	if err := b.Reload(context.Background()); err == nil || !strings.Contains(err.Error(), "f:1: want") {
		t.Error(err)
	}
	b.Use(nil)
	if err := b.Reload(context.Background()); err != nil || b.Class("550 busy line", "") == 20 || slices.Contains([]int{20}, int(b.Class("550 busy line", ""))) {
		t.Errorf("without a scope: %v", err)
	}
}
