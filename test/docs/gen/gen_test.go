package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

const root = "../../.."

func TestPagesAreCurrent(t *testing.T) {
	files, err := pages(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Error(err)
		} else if diff := cmp.Diff(string(got), want); diff != "" {
			t.Errorf("%s is not current; run: go run ./test/docs/gen\n-there +should be\n%s", name, diff)
		}
	}
}

// TestEveryOptionIsThere looks for each option in its place: no section may
// swallow one.
func TestEveryOptionIsThere(t *testing.T) {
	page := options()
	for _, want := range []string{
		"\n| `retry_interval` | seconds | `1200` | binding binding_group domain global |",
		"\n| `rfc2822_lone_lf_in_body` | enum: ignore pedantic fix | `\"pedantic\"` |",
		"\n## scriptlet::script\n", "\n## alerting::rule\n", "\n## module\n", "\n| `sha256` | string |  |",
		"\n| `file_mode` | octal | `\"0660\"` | esmtp_listener listen control_listener http_listener |", "\n| `spoolbase` | string | `\"/var/spool/mtad\"` | global |",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestTypeText(t *testing.T) {
	for want, o := range map[string]option.Option{
		"seconds":        {Type: option.Seconds, Unit: "seconds"},
		"millis":         {Type: option.Millis, Unit: "ms"},
		"int, entries":   {Type: option.Int, Unit: "entries"},
		"enum: no maybe": {Type: option.Enum, Enum: []string{"no", "maybe"}},
	} {
		if got := typeText(&o); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestHookRows(t *testing.T) {
	table, err := hookTable(root)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(table, "\n") - 2; n != sdk.HookCount-1 {
		t.Errorf("%d rows for %d hooks", n, sdk.HookCount-1)
	}
	for _, want := range []string{
		"| `validate_rcptto` | (msg, str, ac, vctx) | transaction | CONT DONE AGAIN | 421 and close | [core/smtpd/envelope.go](../../core/smtpd/envelope.go) |",
		"| `core_final_validation` | (msg, ac, vctx) | one recipient's copy | none | 451 | [core/reception/accept.go](../../core/reception/accept.go) |",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	for _, h := range sdk.Hooks[1:] {
		if arguments(h.Args) == "" || target(h.Target) == "" {
			t.Errorf("%s has arguments or a target without a word", h.Name)
		}
	}
}

func TestHooksPageWithoutItsLines(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "docs/hooks"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, hooksPage), []byte("no table\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := hooks(dir); err == nil || !strings.Contains(err.Error(), "lacks the lines") {
		t.Errorf("got %v", err)
	}
}
