package scriptlet

import (
	"testing"

	"github.com/mtad/mtad/plugins/scriptlet/api"
)

func TestCloseReleasesPackages(t *testing.T) {
	closed := 0
	m := New(Deps{Packages: []api.Package{{Name: "kept", Close: func() { closed++ }}, {Name: "plain"}}})
	if err := m.Close(); err != nil || closed != 1 {
		t.Errorf("released %d times, %v", closed, err)
	}
}
