package bounce

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

func TestSuppression(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, []byte("# mine\nBob@A.test\n@b.test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var asked error
	problems := 0
	s := &Suppression{Problem: func(string) { problems++ }, Query: func(context.Context, *sdk.Query) (*sdk.Rows, error) {
		return &sdk.Rows{Rows: [][]sdk.Datum{{{Kind: sdk.DatumText, Text: "db@c.test"}}}}, asked
	}}
	now := time.Unix(1e9, 0)
	if s.Has("bob@a.test") || s.Due(now) {
		t.Error("there is a list before there is one")
	}
	s.Use(context.Background(), &SuppressionOptions{File: path, Source: ":datasource:x:SELECT a", Refresh: time.Minute, Classes: []string{"10"}}, now)
	for a, want := range map[string]bool{"bob@a.test": true, "x@B.test": true, "db@c.test": true, "x@a.test": false} {
		if s.Has("x@d.test") || s.Has(smtp.Address(a)) != want {
			t.Errorf("%s: not %v", a, want)
		}
	}
	s.Failed("hard@d.test", 10)
	s.Failed("hard@d.test", 10)
	s.Failed("soft@d.test", 22)
	s.Complained("angry@d.test")
	if text, _ := os.ReadFile(path); string(text) != "# mine\nBob@A.test\n@b.test\nhard@d.test\n" || !s.Has("Hard@d.test") || s.Has("soft@d.test") || s.Has("angry@d.test") {
		t.Errorf("the file is %q", text)
	}
	asked = errors.New("gone")
	if !s.Due(now.Add(time.Hour)) {
		t.Error("never read again")
	}
	s.Reload(context.Background(), now.Add(time.Hour))
	if problems != 1 || !s.Has("db@c.test") {
		t.Errorf("%d problems", problems)
	}
	s.Use(context.Background(), nil, now)
	if s.Has("bob@a.test") {
		t.Error("a list that is gone")
	}
}

func TestSuppressionMistakes(t *testing.T) {
	for want, o := range map[int]SuppressionOptions{
		0: {File: "x", Source: ":datasource:db:SELECT 1", Classes: []string{"10"}}, 1: {Source: "SELECT 1"}, 2: {Source: ":datasource:no:x", Complaints: true}, 3: {Classes: []string{"x", "0"}},
	} {
		if bad := o.Check([]string{"db"}); len(bad) != want {
			t.Errorf("%d problems, want %d: %v", len(bad), want, bad)
		}
	}
}
