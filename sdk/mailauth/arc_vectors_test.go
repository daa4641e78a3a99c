package mailauth

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type arcSuite struct {
	Description string
	Tests       []struct{ Name, Message, CV, Description string }
	TXT         map[string]string
}

// cvOf is a result as the suite writes it.
func cvOf(s string) Result { return Result(strings.ToLower(s)) }

func TestARCSuite(t *testing.T) {
	var suites []arcSuite
	readJSON(t, "testdata/arc/valimail/arc-draft-validation-tests.json", &suites)
	n := 0
	for _, s := range suites {
		z := newZone()
		for name, record := range s.TXT {
			z.txt[strings.ToLower(name)] = []string{record}
		}
		for _, c := range s.Tests {
			n++
			got, err := VerifyARC(context.Background(), split([]byte(c.Message)), VerifyOptions{Resolver: z, Now: then()})
			if err != nil || c.CV != "" && got.Result != cvOf(c.CV) {
				t.Errorf("%s: %s (%s): %+v, want %s (%v)", s.Description, c.Name, c.Description, got, c.CV, err)
			}
		}
	}
	t.Logf("%d cases", n)
	if n < 150 {
		t.Errorf("only %d cases ran", n)
	}
}

func TestARCSealedMail(t *testing.T) {
	for file, want := range map[string]Result{"001": Pass, "002": Pass} {
		z, raw := keysInFront(t, filepath.Join("testdata/arc/stalwart", file+".txt"))
		got, err := VerifyARC(context.Background(), split(raw), VerifyOptions{Resolver: z, Now: then()})
		if err != nil || got.Result != want {
			t.Errorf("%s: %+v %v", file, got, err)
		}
	}
	// Their keys are not there: the structure is read, and the key is missed.
	for _, file := range []string{"arc-example.eml", "arc-example-2.eml"} {
		got, err := VerifyARC(context.Background(), split(readFile(t, "testdata/arc/kumomta/"+file)), VerifyOptions{Resolver: newZone(), Now: then()})
		if err != nil || got.Result != Fail || got.Length == 0 || !strings.Contains(got.Reason, "no key") {
			t.Errorf("%s: %+v %v", file, got, err)
		}
	}
}

// sealSuite are chains to be sealed. The fields themselves need not come out byte
// for byte (their tags have no order); what comes out must verify.
type sealSuite struct {
	Domain, Sel, PrivateKey string
	Tests                   []struct {
		Name, Message, AAR, AMS, AS string
		T                           int64
		SigHeaders                  string `json:"sig-headers"`
		SrvID                       string `json:"srv-id"`
	}
	TXT map[string]string `json:"txt-records"`
}

func TestARCSeals(t *testing.T) {
	var suites []sealSuite
	readJSON(t, "testdata/arc/valimail/arc-draft-sign-tests.json", &suites)
	n := 0
	for _, s := range suites {
		key, err := ParseKey([]byte(s.PrivateKey))
		if err != nil {
			t.Fatal(err)
		}
		z := newZone()
		for name, record := range s.TXT {
			z.txt[name] = []string{record}
		}
		for _, c := range s.Tests {
			n++
			before, err := VerifyARC(context.Background(), split([]byte(c.Message)), VerifyOptions{Resolver: z, Now: then()})
			if err != nil {
				t.Fatal(err)
			}
			set, err := Seal(split([]byte(c.Message)), before, Sealing{AuthServID: c.SrvID, Results: "spf=pass smtp.mailfrom=jqd@d1.example",
				Signing: Signing{Domain: s.Domain, Selector: s.Sel, Key: key, HeaderCanon: Relaxed, BodyCanon: Relaxed,
					Headers: strings.Split(c.SigHeaders, ":"), Now: time.Unix(c.T, 0)}})
			if before.Result == Fail || c.AS == "" {
				if err == nil && before.Result == Fail {
					t.Errorf("%s: a chain that failed was sealed", c.Name)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v (%+v)", c.Name, err, before)
				continue
			}
			after, err := VerifyARC(context.Background(), split(append([]byte(set), crlf([]byte(c.Message))...)), VerifyOptions{Resolver: z, Now: then()})
			if err != nil || after.Result != Pass || after.Length != before.Length+1 {
				t.Errorf("%s: %+v %v\n%s", c.Name, after, err, set)
			}
		}
	}
	if n != 17 {
		t.Errorf("%d cases", n)
	}
}
