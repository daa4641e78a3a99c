package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/mtad/mtad/sdk"
)

const hooksPage = "docs/hooks/README.md"

// The generated table stands between these lines of the page.
const (
	tableBegin = "<!-- begin: written by test/docs/gen from sdk.Hooks -->\n"
	tableEnd   = "<!-- end -->\n"
)

// hooks is the hooks' page with its table brought up to date.
func hooks(root string) (string, error) {
	page, err := os.ReadFile(filepath.Join(root, hooksPage))
	if err != nil {
		return "", err
	}
	before, rest, ok := strings.Cut(string(page), tableBegin)
	_, after, closed := strings.Cut(rest, tableEnd)
	if !ok || !closed {
		return "", fmt.Errorf("%s lacks the lines %q and %q", hooksPage, tableBegin, tableEnd)
	}
	table, err := hookTable(root)
	return before + tableBegin + table + tableEnd + after, err
}

func hookTable(root string) (string, error) {
	callers, err := askers(root)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| hook | callout's arguments | looks at | verdicts | if it fails | asked in |\n|---|---|---|---|---|---|\n")
	for _, h := range sdk.Hooks[1:] {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n",
			h.Name, arguments(h.Args), target(h.Target), verdicts(&h), failure(&h), link(callers[h.Name]))
	}
	return b.String(), nil
}

func link(path string) string {
	if path == "" {
		return "nowhere yet"
	}
	return fmt.Sprintf("[%s](../../%s)", path, path)
}

func arguments(a sdk.Args) string {
	return map[sdk.Args]string{
		sdk.ArgsNone:         "()",
		sdk.ArgsAcVctx:       "(ac, vctx)",
		sdk.ArgsStrAcVctx:    "(str, ac, vctx)",
		sdk.ArgsMsgStrAcVctx: "(msg, str, ac, vctx)",
		sdk.ArgsListVctx:     "(list_node, vctx)",
		sdk.ArgsMsgAcVctx:    "(msg, ac, vctx)",
		sdk.ArgsMsg:          "(msg)",
		sdk.ArgsMsgAc:        "(msg, ac)",
		sdk.ArgsVctxAuth:     "(vctx, auth_info, auth_status)",
		sdk.ArgsAcMcVctx:     "(ac, mc, vctx)",
		sdk.ArgsAcMsgNow:     "(ac, msg, now, note, note_len)",
		sdk.ArgsMsgRecordNow: "(msg, dr, now, note, note_len)",
		sdk.ArgsRejection:    "(now, ac, ctx, phase, format, args)",
		sdk.ArgsAc:           "(ac)", sdk.ArgsMsgNow: "(msg, now)", sdk.ArgsMsgGroup: "(msg, binding_group)",
		sdk.ArgsRouting: "(cs, msg, buff)", sdk.ArgsReceived: "(msg, mc, ac, ctx, response)",
		sdk.ArgsMsgEnabled: "(mess, enabled)", sdk.ArgsBounce: "(orig, bounce, action)",
		sdk.ArgsAddrRecord: "(addr, dr, binding_slot, now)", sdk.ArgsAddrErrRecord: "(addr, err, dr, binding_slot, now)",
	}[a]
}

func target(t sdk.Target) string {
	return map[sdk.Target]string{
		sdk.TargetConn: "connection", sdk.TargetTxn: "transaction", sdk.TargetCopy: "one recipient's copy",
	}[t]
}

func verdicts(h *sdk.HookInfo) string {
	switch {
	case h.Returns != sdk.ReturnsVerdict:
		return map[sdk.Returns]string{
			sdk.ReturnsRefusal: "EC_HOOK_*", sdk.ReturnsBinding: "a slot", sdk.ReturnsRouting: "0 or #buff", sdk.ReturnsText: "0 or 1",
			sdk.ReturnsEnqueue: "EC_MESSAGE_ENQUEUE_HOOK_*", sdk.ReturnsEnabled: "GENERATE_BOUNCES_HOOK_*",
		}[h.Returns]
	case h.Void:
		return "none"
	case h.Again:
		return "CONT DONE AGAIN"
	}
	return "CONT DONE"
}

func failure(h *sdk.HookInfo) string {
	switch {
	case !h.Waiting:
		return "paniclog only"
	case h.PreData:
		return "421 and close"
	}
	return "451"
}

// hookRow finds a row of sdk.Hooks: the constant and the name.
var hookRow = regexp.MustCompile(`\{(\w+), "(\w+)", Args`)

// askers gives for each hook's name the file that asks it: the first place that
// makes a phase of it, else that names it at all.
func askers(root string) (map[string]string, error) {
	table, err := os.ReadFile(filepath.Join(root, "sdk/hooks.go"))
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, place := range []string{"core/smtpd", "core/reception", "core/loghooks.go", "core/mailhooks.go", "plugins/scriptlet/session.go"} {
		for _, form := range []string{`Hook: sdk\.%s\b`, `sdk\.%s\b`} {
			err := sources(root, place, func(file, text string) {
				for _, row := range hookRow.FindAllStringSubmatch(string(table), -1) {
					if out[row[2]] == "" && regexp.MustCompile(fmt.Sprintf(form, row[1])).MatchString(text) {
						out[row[2]] = file
					}
				}
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
