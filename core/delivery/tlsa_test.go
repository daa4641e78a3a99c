package delivery

import "testing"

func FuzzParseTLSA(f *testing.F) {
	f.Add("3 1 1 00")
	f.Add("2 0 0 30820000")
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := parseTLSA(text)
		if ok && (len(r.data) == 0 || r.selector > 1 || r.matching > 2) {
			t.Errorf("%q: %+v", text, r)
		}
		if ok && r.anchor {
			r.anchors(nil)
		}
	})
}
