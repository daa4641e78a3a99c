package message

import "testing"

func TestNotify(t *testing.T) {
	for text, want := range map[string]Notify{
		"NEVER": NotifyNever, "success": NotifySuccess, "SUCCESS,Failure,DELAY": NotifySuccess | NotifyFailure | NotifyDelay,
	} {
		got, ok := ParseNotify(text)
		if !ok || got != want {
			t.Errorf("%s: %d %v", text, got, ok)
		}
		if again, ok := ParseNotify(got.String()); !ok || again != got {
			t.Errorf("%s: written as %q", text, got)
		}
	}
	for _, text := range []string{"", ",", "NEVER,SUCCESS", "SOMETIMES", "SUCCESS,"} {
		if n, ok := ParseNotify(text); ok {
			t.Errorf("%q is taken for %s", text, n)
		}
	}
	if Notify(0).String() != "" {
		t.Error("nothing asked for has a text")
	}
}

// What a sender asked for survives the spool.
func TestDSNIsDurable(t *testing.T) {
	m := &Message{ID: "1", DSN: DSN{EnvID: "a+20b", Ret: "HDRS", ORcpt: "rfc822;x@example.com", Notify: NotifySuccess | NotifyDelay}}
	got, err := Decode(Encode(m))
	if err != nil || got.DSN != m.DSN {
		t.Errorf("%+v: %v", got, err)
	}
}
