package auth

import (
	"strings"
	"testing"
)

// stored is the password "secret" in every form.
func stored() map[string]secret {
	return map[string]secret{
		"clear":         {form: formClear, text: "secret"},
		"sha512-crypt":  {form: formCrypt, text: "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG."},
		"sha256-crypt":  {form: formCrypt, text: "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM."},
		"md5-crypt":     {form: formCrypt, text: "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1"},
		"apr1":          {form: formCrypt, text: "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/"},
		"md5 hex":       {form: formMD5, text: "5ebe2294ecd0e0f08eab7690d2a6ee69"},
		"md5 base64":    {form: formMD5, text: "Xr4ilOzQ4PCOq3aQ0qbuaQ=="},
		"sha1 hex":      {form: formSHA1, text: "e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4"},
		"sha1 base64":   {form: formSHA1, text: "5en6G6MezRroT3XKqkdPOmY/BfQ="},
		"smd5":          {form: formSMD5, text: "mc0uWpXVVe5747A4pKhGJXNhbHQ="},
		"ssha1":         {form: formSSHA1, text: "gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0"},
		"digest":        {form: formDigest, text: "70c150943be4564233301dae31b3aa8e", user: "anna", realm: "realm"},
		"{SSHA}":        {form: formScheme, text: "{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0"},
		"{sha}":         {form: formScheme, text: "{sha}5en6G6MezRroT3XKqkdPOmY/BfQ="},
		"{CRYPT}":       {form: formScheme, text: "{CRYPT}$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1"},
		"{CLEARTEXT}":   {form: formScheme, text: "{CLEARTEXT}secret"},
		"scram-sha-256": {form: formSCRAM, text: "SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$bpSY5Ze9NUH+I35LC3gVq+DpBfK46iXBxvhAKqVu9pE=:VpYlBuxyzeCI1KnctrefdljpB1mk3Gp7sBI/t11+NkQ=", user: "anna"},
	}
}

func TestForms(t *testing.T) {
	for name, s := range stored() {
		if ok, err := s.matches("secret"); !ok || err != nil {
			t.Errorf("%s: the right password gives %v, %v", name, ok, err)
		}
		for _, wrong := range []string{"", "Secret", "secret ", s.text} {
			if ok, _ := s.matches(wrong); ok && wrong != "secret" {
				t.Errorf("%s: %q is taken for the password", name, wrong)
			}
		}
	}
	// The vector of crypt_blowfish.
	bcrypt := secret{form: formCrypt, text: "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}
	if ok, err := bcrypt.matches("U*U"); !ok || err != nil {
		t.Errorf("bcrypt: %v, %v", ok, err)
	}
}

func TestUnknownFormsAreErrorsThatQuoteNothing(t *testing.T) {
	for _, s := range []secret{
		{form: formCrypt, text: "$y$j9T$tellnobody"}, {form: formCrypt, text: "abtellnobody"}, {form: formCrypt, text: "$1$tellnobody"},
		{form: formMD5, text: "tellnobody"}, {form: formSSHA1, text: "dGVsbG5vYm9keQ=="}, {form: formScheme, text: "{TELLNOBODY}x"},
		{form: formScheme, text: ""}, {form: formSCRAM, text: "SCRAM-SHA-256$tellnobody"}, {form: 200, text: "tellnobody"},
		{form: formSCRAM, text: "SCRAM-SHA-256$999999999:MDEy$AAAA:AAAA"},
	} {
		ok, err := s.matches("tellnobody")
		if ok || err == nil {
			t.Errorf("%q: %v, %v", s.text, ok, err)
		} else if strings.Contains(strings.ToLower(err.Error()), "tellnobody") {
			t.Errorf("%q: the error says %q", s.text, err)
		}
	}
}

func TestGuess(t *testing.T) {
	for text, want := range map[string]form{
		"plain": formClear, "$money$": formClear, "{curly}": formClear, "$2y$10$x": formCrypt, "$6$x$y": formCrypt,
		"{SSHA}x": formScheme, "{": formClear, "SCRAM-SHA-256$4096:x$y:z": formSCRAM, "$apr1$x$y": formCrypt,
	} {
		if got := guess(text); got != want {
			t.Errorf("%q is form %d", text, got)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"anna": true, "anna@example.com": true, "Zoë": true, "two words": true,
		"": false, "a\x00b": false, "a\nb": false, "\xff": false, strings.Repeat("x", 256): false, "a\x7f": false,
	} {
		if got := goodName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
