package bounce

import (
	"errors"
	"strconv"
	"strings"
)

// Kind tells the two sorts of overrides apart (manual,
// bounce_classifier_override).
type Kind uint8

// The kinds.
const (
	ForSMTP Kind = iota // of replies in the dialogue: domain, code, rule
	ForMDN              // of messages that come back: code, rule
)

// Columns is how many fields an override of the kind has.
func (k Kind) Columns() int {
	if k == ForMDN {
		return 2
	}
	return 3
}

// ParseOverrides reads a file of overrides: "domain,bounce_code,rule" a line, or
// "bounce_code,rule" for messages. Empty lines and those that begin with # say
// nothing. The error names each line that is wrong as name:line.
func ParseOverrides(k Kind, name, text string) ([]Rule, error) {
	return eachLine(name, text, func(line string) (Rule, error) {
		return Override(k, strings.SplitN(line, ",", k.Columns()))
	})
}

var errColumns = [...]error{ForSMTP: errors.New("want: domain,bounce_code,rule"), ForMDN: errors.New("want: bounce_code,rule")}

// Override makes a rule of one override's fields.
func Override(k Kind, fields []string) (Rule, error) {
	if len(fields) != k.Columns() {
		return Rule{}, errColumns[k]
	}
	var r Rule
	if k == ForSMTP {
		r.Domain, fields = strings.ToLower(strings.TrimSpace(fields[0])), fields[1:]
	}
	var err error
	if r.Class, err = parseClass(fields[0]); err != nil {
		return Rule{}, err
	}
	r.Pattern = strings.TrimRight(fields[1], "\r\n")
	if strings.Trim(r.Pattern, "| ") == "" {
		return Rule{}, errors.New("the rule is empty: it would fit everything")
	}
	return r, r.check()
}

// Classification is the rules in force and the classes that go with them. It
// does not change and is safe for concurrent use.
type Classification struct {
	SMTP, MDN *Classifier
	Custom    map[Class]string // descriptions of classes of the user's own
}

// Known reports a class that is built in or the user's own.
func (c *Classification) Known(class Class) bool {
	_, own := c.Custom[class]
	return own || class.Info().Symbol != ""
}

// Info is what is said of a class. One of the user's own has no symbol but its
// number.
func (c *Classification) Info(class Class) ClassInfo {
	text, own := c.Custom[class]
	if !own {
		return class.Info()
	}
	return ClassInfo{Class: class, Symbol: "BC_" + strconv.Itoa(int(class)), Description: text, Category: "custom"}
}
