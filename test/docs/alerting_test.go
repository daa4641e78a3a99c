package docs

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/plugins/alerting"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/sdktest"
)

// TestAlertingExamplesPrepare: the module takes the rules and targets that the
// pages show.
func TestAlertingExamplesPrepare(t *testing.T) {
	rules := 0
	for _, p := range manual(t) {
		for _, text := range p.blocks("hcl") {
			path := filepath.Join(t.TempDir(), "mtad.conf")
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			tree, _ := conf.Load(conf.Options{Path: path}) // judged by TestConfigurationSnippets
			var scopes []option.Scope
			for _, s := range tree.Root.Children("alerting") {
				scopes = append(scopes, *s)
				rules += len(s.Children("rule"))
			}
			if scopes == nil {
				continue
			}
			m := alerting.New(time.Now)
			if _, err := m.Prepare(t.Context(), &sdktest.Host{}, sdk.Config{Generation: 1, Scopes: scopes}); err != nil {
				t.Errorf("%s: %v", p.name, err)
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if rules < 8 {
		t.Errorf("%d rules in the pages", rules)
	}
}
