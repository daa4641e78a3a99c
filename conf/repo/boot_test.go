package repo

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseBoot(t *testing.T) {
	got, err := ParseBoot("cluster.boot", `
# the original's sample, and ours
autoupdate=ifunchanged
#node_name=example
node_name = mx1
cluster_name=default   # required there
repo=auto,eccmgr.example.com
reload_config_on_update=false
ecconfigd.1=host
rollout = "25%/5m"
check_every=30
watch=1h
`)
	want := Boot{AutoIfUnchanged, "mx1", "default", "auto,eccmgr.example.com", false, Rollout{25, 5 * time.Minute}, 30 * time.Second, time.Hour}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
	for text, mistake := range map[string]string{
		"autoupdate=yes":                "b:1: autoupdate is true, ifunchanged or false",
		"\n\nx":                         `b:3: "x" is no key=value`,
		"colour=red":                    `b:1: unknown option "colour"`,
		"node_name=../x":                "b:1: ",
		"rollout=25":                    "b:1: rollout is a share and a time",
		"rollout=0%/5m":                 "b:1: rollout is a share",
		"rollout=25%/-5m":               "b:1: ",
		"check_every=0":                 "b:1: check_every is a second or more",
		"watch=99999999999":             "b:1: ",
		"reload_config_on_update=on\nx": "b:2: ",
	} {
		if _, err := ParseBoot("b", text); err == nil || !strings.Contains(err.Error(), mistake) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseBoot(f *testing.F) {
	f.Add("autoupdate=true\nrollout=25%/5m\ncheck_every=1\n# x\n")
	f.Add("node_name=a.lock")
	f.Fuzz(func(t *testing.T, text string) {
		b, err := ParseBoot("b", text)
		if err != nil {
			return
		}
		if b.Every < time.Second || b.Watch < 0 || b.Rollout.Delay("x") < 0 || b.Rollout.Delay("x") > 100*24*time.Hour {
			t.Errorf("%q: %+v", text, b)
		}
		if b.Node != "" && CheckNode(b.Node) != nil {
			t.Errorf("%q: node %q", text, b.Node)
		}
	})
}
