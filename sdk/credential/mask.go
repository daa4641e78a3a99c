package credential

import (
	"regexp"
	"strings"
	"sync"
)

// Masked is what stands in the place of a secret.
const Masked = "********"

// SecretName reports an option, or a key of a dictionary, whose value nobody who
// reads a transcript must learn.
func SecretName(name string) bool {
	name = strings.ToLower(name)
	if strings.HasSuffix(name, "_column") || strings.HasPrefix(name, "returns_") {
		return false
	}
	for _, word := range []string{"password", "passwd", "secret", "auth_pass", "passphrase", "basic_auth", "bearer_tokens"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return name == "pwd"
}

// Masker hides the secrets inside a uri or a text.
type Masker struct{ pairs, bind, user *regexp.Regexp }

// NewMasker gives the Masker there is.
func NewMasker() *Masker { return masker() }

var masker = sync.OnceValue(func() *Masker {
	return &Masker{
		// As datasources write it: up to the next semicolon, blanks and all.
		pairs: regexp.MustCompile(`(?i)((?:^|[:;\s])(?:password|pwd)\s*=)[^;"\n]*`),
		bind:  regexp.MustCompile(`(?i)(x-bindpw\s*=)[^,"\s?]*`),
		user:  regexp.MustCompile(`(://[^/\s:@"']*):[^/?\s"']*@`),
	}
})

// URI hides the password of a datasource's uri, whatever its driver.
func (m *Masker) URI(text string) string {
	return m.pairs.ReplaceAllString(m.Text(text), "${1}"+Masked)
}

// Text hides the passwords of the URLs in a text: a statement, or a message.
func (m *Masker) Text(text string) string {
	if strings.Contains(text, "://") && strings.Contains(text, "@") {
		text = m.user.ReplaceAllString(text, "${1}:"+Masked+"@")
	}
	if strings.Contains(strings.ToLower(text), "x-bindpw") {
		text = m.bind.ReplaceAllString(text, "${1}"+Masked)
	}
	return text
}
