package smtp

import "testing"

func TestAddress(t *testing.T) {
	for _, c := range []struct {
		addr          Address
		local, domain string
	}{
		{"a@X.Test", "a", "X.Test"},
		{`"a@b"@x.test`, `"a@b"`, "x.test"},
		{"postmaster", "postmaster", ""},
		{"", "", ""},
	} {
		if local, domain := c.addr.Split(); local != c.local || domain != c.domain {
			t.Errorf("%q split into %q and %q", c.addr, local, domain)
		}
	}
	if a := Address("a@X.Test"); a.Domain() != "x.test" || a.Path() != "<a@X.Test>" || a.Null() {
		t.Errorf("got %q %q", a.Domain(), a.Path())
	}
	if a := Address(""); !a.Null() || a.Path() != "<>" {
		t.Error("the null sender is not null")
	}
}
