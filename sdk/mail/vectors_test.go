package mail

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The messages in testdata/enmime are from the test data of
// github.com/jhillyerd/enmime (MIT, see LICENSE beside them).
func TestVectors(t *testing.T) {
	for name, want := range map[string]struct {
		from    []string
		subject string
		tree    string
		text    string
	}{
		"epilogue-sample": {[]string{"pem@open.ch"}, "Epilogue", "multipart/mixed(text/plain,text/html:test.html)", "A text section"},
		"malformed-multiple-address-header-values": {[]string{"bob@extern", "bobby@extern"}, "Test",
			"multipart/mixed(text/plain,application/pdf:test.pdf,text/plain:test.txt)", "Simple text.\r\n"},
		"mime-alternative": {[]string{"jamehi03@jamehi03lx.noa.com"}, "Multipart Mixed", "multipart/alternative(text/plain,text/plain)", "Section one\n"},
		"mime-unquoted-tspecials-param": {[]string{"bookings@easyHotel.com"}, "Confirmation of Booking with easyHotel",
			"multipart/mixed(text/plain,application/pdf:Invoice_(302232133150612).pdf)", "\n\nThank you for booking"},
		"qp-utf8-header": {[]string{"jamehi03@jamehi03lx.noa.com", "PIRARD@vm1.ulg.ac.be"}, "MIME UTF8 Test ¢ More Text",
			"multipart/alternative(text/plain,text/html)", "Lorem ipsum"},
	} {
		raw, err := os.ReadFile(filepath.Join("testdata", "enmime", name+".raw"))
		if err != nil {
			t.Fatal(err)
		}
		root := parse(string(raw))
		checkSpans(t, string(raw), root)
		var from []string
		for _, a := range ParseAddresses(RawHeader(root.Header(), "From")[0]) {
			from = append(from, a.String())
		}
		if diff := cmp.Diff(want.from, from); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if got := Header(root.Header(), "Subject")[0]; got != want.subject {
			t.Errorf("%s: subject %q", name, got)
		}
		if got := tree(root); got != want.tree {
			t.Errorf("%s: tree %s", name, got)
		}
		if got := root.TextParts()[0].Text(); !strings.HasPrefix(got, want.text) {
			t.Errorf("%s: text %.40q", name, got)
		}
	}
}

func tree(p *Part) string {
	ct := p.ContentType()
	if !p.Container() {
		if ct.Filename != "" {
			return ct.Type + ":" + ct.Filename
		}
		return ct.Type
	}
	var parts []string
	for _, c := range p.Children() {
		parts = append(parts, tree(c))
	}
	return ct.Type + "(" + strings.Join(parts, ",") + ")"
}
