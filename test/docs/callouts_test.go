package docs

import (
	"regexp"
	"strings"
	"testing"

	"github.com/mtad/mtad/plugins/scriptlet"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/sdktest"
)

// frameHead and frameFoot are what docs/hooks/callouts.md says an example stands in.
const frameHead, frameFoot = "require(\"msys.core\");\nlocal mod = {};\n", "\nmsys.registerModule(\"mymod\", mod);\n"

// TestEveryCalloutHasASection: with the arguments and all else of the generated
// table, and an example.
func TestEveryCalloutHasASection(t *testing.T) {
	page := read(t, "docs/hooks/callouts.md").text
	row := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\(.*?\\)) \\| (.*?) \\| (.*?) \\| (.*?) \\|")
	rows := row.FindAllStringSubmatch(read(t, "docs/hooks/README.md").text, -1)
	if len(rows) != sdk.HookCount-1 {
		t.Errorf("%d rows in the table, %d hooks", len(rows), sdk.HookCount-1)
	}
	for _, r := range rows {
		want := "\n## " + r[1] + "\n\n`" + r[1] + r[2] + "`. Looks at: " + r[3] + ". Returns: " + r[4] + ". Fails: " + r[5] + ".\n"
		if !strings.Contains(page, want) {
			t.Errorf("docs/hooks/callouts.md lacks%s", want)
		}
		if !strings.Contains(page, "\nfunction mod:"+r[1]+r[2]+"\n") {
			t.Errorf("docs/hooks/callouts.md has no example of %s", r[1])
		}
	}
}

// calloutState is a session with a message from a@x.test to b@y.test.
func calloutState() *sdk.State {
	return sdktest.Session("192.0.2.7:4711").Mail("a@x.test").Rcpt("b@y.test").Data([]string{"Subject: hello"}, "hi\r\n").Split().State()
}

// TestCalloutExamplesRun runs each example in its hook. None may fail, or say
// what is none of its answers.
func TestCalloutExamplesRun(t *testing.T) {
	host := &sdktest.Host{Sources: map[string]string{}}
	scope := option.Scope{Name: "scriptlet", Instance: "scriptlet"}
	name := regexp.MustCompile(`function mod:(\w+)`)
	page, hooks := read(t, "docs/hooks/callouts.md"), map[string]bool{}
	for _, text := range page.blocks("lua") {
		m := name.FindStringSubmatch(text)
		if m == nil {
			continue // the frame
		}
		hooks[m[1]] = true
		host.Sources[m[1]] = frameHead + text + strings.Replace(frameFoot, "mymod", m[1], 1)
		scope.Scopes = append(scope.Scopes, sdktest.Scope("script", m[1], "source", m[1]))
	}
	m := scriptlet.New(scriptlet.Deps{})
	sub := sdktest.Start(t, m, host, scope)
	for _, h := range sdk.Hooks[1:] {
		if !hooks[h.Name] || !sub.Hooks.Has(h.Hook) {
			t.Errorf("%s is not wanted by its example", h.Name)
			continue
		}
		call := sdktest.Call(calloutState(), h.Hook)
		call.Phases[0].Line, call.Phases[0].Number = "550 no", 1
		ans, err := m.Call(t.Context(), call)
		if err != nil || len(ans.Results) != 1 || ans.Results[0].Failed {
			t.Errorf("%s: %v %+v", h.Name, err, ans)
		}
	}
	for _, r := range host.Logs() {
		if strings.HasPrefix(r.Source, "scriptlet-00") || strings.Contains(r.Text, "returned") {
			t.Errorf("%s: %s", r.Source, r.Text)
		}
	}
}
