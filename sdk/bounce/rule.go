package bounce

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Rule gives a class to the replies that it fits.
type Rule struct {
	Class   Class
	Code    string // "550", or "5" for all of 5xx; "": any
	Status  string // an enhanced code with * for any of its parts, as "*.2.2"; "": any
	Domain  string // of the recipient, in lower case; ".x.test" is x.test and all below it; "": any
	Pattern string // what the text holds; | stands for anything between. "": anything
	Source  string // where it is from: file:line or datasource:row
}

// String is the rule as its source has it, with its place.
func (r *Rule) String() string {
	pattern := r.Pattern
	if pattern == "" {
		pattern = "-"
	}
	return fmt.Sprintf("%s: %s", r.Source, strings.Join([]string{strconv.Itoa(int(r.Class)), orAny(r.Code), orAny(r.Status), orAny(r.Domain), pattern}, " "))
}

func orAny(s string) string {
	if s == "" {
		return "*"
	}
	return s
}

func notAny(s string) string {
	if s == "*" {
		return ""
	}
	return s
}

// ParseRules reads rules in the form of rules.txt. The error names each line
// that is wrong as name:line.
func ParseRules(name, text string) ([]Rule, error) {
	return eachLine(name, text, parseRule)
}

// eachLine makes a rule of each line that is neither empty nor a comment.
func eachLine(name, text string, parse func(line string) (Rule, error)) ([]Rule, error) {
	var out []Rule
	var bad []error
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		source := name + ":" + strconv.Itoa(number)
		r, err := parse(line)
		if err != nil {
			bad = append(bad, fmt.Errorf("%s: %w", source, err))
			continue
		}
		r.Source = source
		out = append(out, r)
	}
	return out, errors.Join(bad...)
}

func parseRule(line string) (Rule, error) {
	var f [4]string
	rest := line
	for i := range f {
		var ok bool
		if f[i], rest, ok = strings.Cut(rest, " "); !ok {
			return Rule{}, errors.New("want: class code status domain pattern")
		}
	}
	class, err := parseClass(f[0])
	if err != nil {
		return Rule{}, err
	}
	r := Rule{Class: class, Code: notAny(f[1]), Status: notAny(f[2]), Domain: strings.ToLower(notAny(f[3])), Pattern: rest}
	if n := len(rest); n > 1 && rest[0] == '"' && rest[n-1] == '"' {
		r.Pattern = rest[1 : n-1]
	}
	if r.Pattern == "-" {
		r.Pattern = ""
	}
	return r, r.check()
}

func parseClass(s string) (Class, error) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 1 || n > maxClass {
		return 0, fmt.Errorf("%q is no bounce code", s)
	}
	return Class(n), nil
}

// maxClass is the largest class there is.
const maxClass = int(ChallengeResponse)

// maxPattern bounds a rule's pattern in octets.
const maxPattern = 512

func (r *Rule) check() error {
	switch {
	case len(r.Pattern) > maxPattern:
		return fmt.Errorf("the rule is longer than %d octets", maxPattern)
	case r.Code != "" && (len(r.Code) > 3 || strings.Trim(r.Code, "0123456789") != ""):
		return fmt.Errorf("%q is no reply code", r.Code)
	case r.Status != "" && strings.Count(r.Status, ".") != 2:
		return fmt.Errorf("%q is no enhanced code", r.Status)
	}
	return nil
}

// fits reports that a rule's columns but the pattern fit.
func (r *Rule) fits(t *subject) bool {
	return strings.HasPrefix(t.code, r.Code) && (r.Domain == "" || fitsDomain(r.Domain, t.domain)) && (r.Status == "" || fitsStatus(r.Status, t.status))
}

func fitsDomain(want, domain string) bool {
	if want[0] == '.' {
		return strings.EqualFold(want[1:], domain) || len(domain) > len(want) && strings.EqualFold(domain[len(domain)-len(want):], want)
	}
	return strings.EqualFold(want, domain)
}

// fitsStatus compares two enhanced codes part by part.
func fitsStatus(want, status string) bool {
	if status == "" {
		return false
	}
	for {
		w, wRest, more := strings.Cut(want, ".")
		s, sRest, _ := strings.Cut(status, ".")
		if w != "*" && w != s {
			return false
		}
		if !more {
			return true
		}
		want, status = wRest, sRest
	}
}
