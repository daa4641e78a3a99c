package api

import (
	"strconv"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

func TestTextCache(t *testing.T) {
	var c textCache
	texts := []string{"", "a", strings.Repeat("x", maxCachedText), strings.Repeat("x", maxCachedText+1)}
	whole := "one text, and pieces of it that begin at one place"
	for i := range len(whole) {
		texts = append(texts, whole[:i], whole[i:], strconv.Itoa(i))
	}
	for range 3 {
		for _, text := range texts {
			if got := c.value(text); got != lua.LString(text) {
				t.Fatalf("%q became %v", text, got)
			}
		}
	}
	text := strings.Clone("again")
	c.value(text)
	if n := testing.AllocsPerRun(10, func() { c.value(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What vctx:get gives follows what was set.
func TestContextFollowsSet(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateData)
	w.is("1 2 3 30", `local out, last = {}, nil
		for i = 1, 30 do vctx:set(C, "k", i); last = vctx:get(C, "k"); out[#out+1] = last; msg:context_set(M, "k", last .. "x") end
		return out[1], out[2], out[3], last`)
	w.is("30 30x 1 30x", `local e, v = msg:context_exists_and_get(M, "k"); return vctx:get(C, "k"), msg:context_get(M, "k"), e, v`)
}

// Behind the split a variable of the copy hides one of the session.
func TestContextBehindTheSplit(t *testing.T) {
	s := sampleState()
	s.Split([]string{"id-a", "id-b"})
	s.Copies[0].ConnContext = sdk.Dict{{Key: "own", Value: "copy"}, {Key: "ehlo_domain", Value: "hidden"}}
	w := newMailWorld(t, sdk.ValidateDataSpoolEachRcpt)
	w.enter(s, sdk.ValidateDataSpoolEachRcpt)
	w.is("copy hidden 3  0 1 v", `return vctx:get(C, "own"), vctx:get(C, "ehlo_domain"), vctx:get(C, "connection_message_count"), vctx:get(C, "none"),
		vctx:exists(C, "none"), vctx:exists(C, "own"), vctx:get(M, "k")`)
	w.is("1 copy 0 nil", `local a, b = vctx:exists_and_get(C, "own"); local c, d = vctx:exists_and_get(M, "own"); return a, b, c, d`)
	w.enter(&sdk.State{Conn: sampleState().Conn}, sdk.ValidateConnect)
	w.is(" 0 client.test", `return vctx:get(M, "k"), vctx:exists(M, "k"), vctx:get(C, "ehlo_domain")`)
}

// The fields of a vctx are those of the call that is served; its methods ask
// whose it is.
func TestFieldsOfVctx(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateData)
	w.is("0 nil function nil nil", `return vctx.code, vctx.note, type(vctx.disconnect), vctx.nothing, vctx[1]`)
	w.is("550 5.7.1 no", `vctx:set_code(550, "5.7.1 no"); return vctx.code, vctx.note`)
	w.is("421 mine", `msys.getClassMetaTable("validate_context").mine = function(self) return "mine" end; vctx.code = 421; return vctx.code, vctx:mine()`)
	w.raises("validate_context has no field 'nothing'", `vctx.nothing = 1`)
	w.raises("attempt to call", `vctx:code()`)
	w.run(`kept = vctx`)
	w.frame = nil
	w.raises("validation context is no longer valid", `return kept.code`)
	w.is("nil", `return kept.nothing`)
}

// Reading a context variable allocates nothing: what is left is gopher-lua's own
// for the numbers of the loop.
func TestContextGetAllocatesNothing(t *testing.T) {
	w := newMailWorld(t, sdk.ValidateData)
	fn, err := w.L.LoadString(`for i = 1, 1000 do local v = vctx:get(C, "ehlo_domain") end`)
	if err != nil {
		t.Fatal(err)
	}
	n := testing.AllocsPerRun(5, func() {
		w.L.Push(fn)
		w.L.Call(0, 0)
	})
	if n > 200 {
		t.Errorf("%v allocations in 1000 calls", n)
	}
}
