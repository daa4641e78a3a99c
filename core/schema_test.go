package core

import (
	"testing"

	"github.com/mtad/mtad/sdk/option"
)

// Every scope that an option's tag names must be in the tree.
func TestEveryTagNamesAScope(t *testing.T) {
	root := Schema(nil)
	for _, tagged := range optionOwners() {
		for _, missing := range option.Distribute(root, tagged) {
			t.Errorf("no such scope: %s", missing)
		}
	}
	for _, want := range []string{"esmtp_listener", "control_listener", "ec_logger", "bounce_logger", "domain", "binding", "binding_group", "module"} {
		if root.Scope(want) == nil {
			t.Errorf("no scope %s", want)
		}
	}
	if root.Scope("esmtp_listener").Scope("listen").Scope("peer").Option("relay_hosts") == nil {
		t.Error("relay_hosts is not valid in a peer")
	}
}
