package mail

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/idna"
)

// ErrNotASCII is a header that cannot be written in ASCII without changing what
// it means: an address whose local part is not ASCII, or a line that is no field.
var ErrNotASCII = errors.New("the header cannot be written in ASCII")

// ASCIISection is a raw header section in which every field that is not ASCII
// is written again in ASCII: text as RFC 2047 encoded words, parameters as RFC
// 2231 has them, domains of addresses as A-labels (RFC 5890 §2.3.2.1). Fields
// that are ASCII stay as they stand. The error is ErrNotASCII.
func ASCIISection(section []byte) ([]byte, error) {
	if isASCII(section) {
		return section, nil
	}
	out := make([]byte, 0, len(section)+len(section)/2)
	for pos := 0; pos < len(section); {
		f := nextField(section, pos)
		pos = f.end
		raw := section[f.start:f.end]
		if isASCII(raw) {
			out = append(out, raw...)
			continue
		}
		value, err := asciiValue(string(f.name), toUTF8(f.text(section)))
		if err != nil {
			return nil, err
		}
		out = appendField(out, string(f.name), value)
	}
	if !isASCII(out) {
		return nil, ErrNotASCII
	}
	return out, nil
}

// asciiValue is a value that appendField can finish.
func asciiValue(name, value string) (string, error) {
	switch {
	case !ValidName(name):
		return "", fmt.Errorf("%w: a line that is no field", ErrNotASCII)
	case isAddressField(name):
		return asciiAddresses(name, value)
	case strings.EqualFold(name, "Content-Type"), strings.EqualFold(name, "Content-Disposition"):
		p := ParseParams(value)
		return p.String(), nil
	}
	return value, nil
}

// asciiAddresses writes the domains as A-labels. A local part has no such form.
func asciiAddresses(name, value string) (string, error) {
	for _, a := range ParseAddresses(value) {
		if !isASCII(a.Local) {
			return "", fmt.Errorf("%w: an address in %s", ErrNotASCII, name)
		}
		if isASCII(a.Domain) {
			continue
		}
		puny, err := idna.Lookup.ToASCII(a.Domain)
		if err != nil {
			return "", fmt.Errorf("%w: a domain in %s: %w", ErrNotASCII, name, err)
		}
		value = strings.ReplaceAll(value, "@"+a.Domain, "@"+puny)
	}
	return value, nil
}
