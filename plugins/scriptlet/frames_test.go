package scriptlet

import (
	"reflect"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// frames.go reads gopher-lua's call frames by the position of their fields.
func TestCallFrameLayout(t *testing.T) {
	f, ok := reflect.TypeOf(lua.Debug{}).FieldByName("frame")
	if !ok || f.Index[0] != 0 {
		t.Fatalf("lua.Debug has no frame in front: %+v", f)
	}
	frame := f.Type.Elem()
	for name, at := range map[string]int{"Fn": frameFn, "Parent": frameParent, "Pc": framePc, "LocalBase": frameBase, "NArgs": frameNArgs, "TailCall": frameTailCall} {
		if got := frame.Field(at).Name; got != name {
			t.Errorf("field %d is %s, not %s", at, got, name)
		}
	}
}
