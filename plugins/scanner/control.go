package scanner

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/scan"
)

var _ sdk.Controller = (*module)(nil)

// The commands of an antivirus scope (reference/console.tsv).
const (
	cmdStats   = " stats"
	cmdVersion = " version"
)

// controls are the commands of a configuration.
func controls(list []scan.Antivirus) (out []string) {
	for i := range list {
		name := "antivirus:" + list[i].Instance
		out = append(out, name+cmdStats, name+cmdVersion)
	}
	return out
}

// Control is part of sdk.Controller: antivirus:NAME stats, antivirus:NAME version.
func (m *module) Control(ctx context.Context, words []string) (string, error) {
	m.mu.Lock()
	w := m.worlds[m.current]
	m.mu.Unlock()
	if w == nil || len(words) != 2 {
		return "", fmt.Errorf("usage: antivirus:NAME stats|version")
	}
	name, _ := strings.CutPrefix(words[0], "antivirus:")
	i := slices.IndexFunc(w.antivirus, func(a scan.Antivirus) bool { return a.Instance == name })
	if i < 0 {
		return "", fmt.Errorf("there is no antivirus %q", name)
	}
	if words[1] == "stats" {
		return scan.Stats(ctx, w.host)
	}
	var b strings.Builder
	for j := range w.antivirus[i].ClamAV {
		version, err := scan.ClamdVersion(ctx, w.antivirus[i].ClamAV[j].At())
		if err != nil {
			version = err.Error()
		}
		fmt.Fprintf(&b, "%s: %s\n", scan.EngineClamAV, version)
	}
	return b.String(), nil
}
