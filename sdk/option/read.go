package option

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Check reports what is wrong with v as a value of the option; nil is nothing.
// The console uses it before it sets one value.
func (o *Option) Check(v Value) Problems {
	_, wrong := read(o, v)
	return wrong
}

// read applies the option's type to a value as it was written
// (reference/config-syntax.md §1 and §6).
func read(o *Option, v Value) (datum, Problems) {
	switch o.Type {
	case List, CIDRs:
		return readList(o, v)
	case Dict:
		return readDict(o, v)
	}
	var d datum
	var fault string
	switch {
	case v.Kind == KindList || v.Kind == KindDict || v.Kind == KindNone:
		fault = "takes one value, not " + kindWord(v.Kind)
	case (o.Type == Octal || o.Type == Rate) && v.Kind != KindString:
		fault = "must be quoted, e.g. " + strconv.Quote(quotedForm(o.Type, v.Text))
	default:
		d, fault = readScalar(o, v.Text)
	}
	if fault != "" {
		return d, Problems{{v.Pos, o.Name + " " + fault}}
	}
	return d, nil
}

// readScalar reads what stands between the quotes, or without any. The second
// result says what is wrong, or is "".
func readScalar(o *Option, text string) (datum, string) {
	switch o.Type {
	case Bool:
		return readBool(text)
	case Int, Bytes, Port, Seconds, Millis:
		return readInt(o, text)
	case Octal:
		n, err := strconv.ParseUint(text, 8, 32)
		if err != nil || n > 0o7777 {
			return datum{}, "must be an octal mode such as \"0660\", not " + strconv.Quote(text)
		}
		return datum{num: int64(n)}, ""
	case Rate:
		return readRate(text)
	case Fraction:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return datum{}, "must be a number, not " + strconv.Quote(text)
		}
		return datum{frac: f}, ""
	case Enum:
		word, fault := readWord(o, text)
		return datum{text: word}, fault
	}
	return datum{text: text}, ""
}

func readBool(text string) (datum, string) {
	switch strings.ToLower(text) {
	case "true", "on", "enabled", "1":
		return datum{flag: true}, ""
	case "false", "off", "disabled", "0":
		return datum{}, ""
	}
	return datum{}, "must be true or false (also on/off, enabled/disabled, 1/0), not " + strconv.Quote(text)
}

func readInt(o *Option, text string) (datum, string) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return datum{}, notAnInt(o, text)
	}
	d := datum{num: n}
	switch {
	case o.Type == Port && (n < 1 || n > 65535):
		return d, "must be a port from 1 to 65535, not " + text
	case o.Type != Int && n < 0:
		return d, "must not be negative, but is " + text
	case o.Type == Seconds:
		return d.within(time.Second, text)
	case o.Type == Millis:
		return d.within(time.Millisecond, text)
	}
	return d, ""
}

func (d datum) within(unit time.Duration, text string) (datum, string) {
	if d.num > int64(math.MaxInt64/unit) {
		return d, "is too long: " + text
	}
	d.span = time.Duration(d.num) * unit
	return d, ""
}

// notAnInt says how to write what was probably meant: neither sizes nor
// durations have suffixes (reference/config-syntax.md §1).
func notAnInt(o *Option, text string) string {
	kind := map[Type]string{
		Int: "a whole number", Bytes: "a number of bytes", Port: "a port from 1 to 65535",
		Seconds: "a whole number of seconds", Millis: "a whole number of milliseconds",
	}[o.Type]
	fault := "must be " + kind + ", not " + strconv.Quote(text)
	if n, ok := withSuffix(o.Type, text); ok {
		fault += fmt.Sprintf("; write %d", n)
	}
	return fault
}

// withSuffix reads a number with a unit, in the unit of the option.
func withSuffix(t Type, text string) (int64, bool) {
	digits := strings.TrimRightFunc(text, func(r rune) bool { return !unicode.IsDigit(r) })
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil {
		return 0, false
	}
	unit := strings.ToLower(strings.TrimSpace(text[len(digits):]))
	factor := int64(0)
	switch t {
	case Bytes:
		factor = sizeUnit(unit)
	case Seconds:
		factor = timeUnit(unit)
	case Millis:
		factor = 1000 * timeUnit(unit)
	}
	return n * factor, factor > 0
}

func sizeUnit(unit string) int64 {
	switch strings.TrimSuffix(unit, "b") {
	case "k":
		return 1 << 10
	case "m":
		return 1 << 20
	case "g":
		return 1 << 30
	}
	return 0
}

func timeUnit(unit string) int64 {
	switch unit {
	case "s", "sec", "second", "seconds":
		return 1
	case "m", "min", "minute", "minutes":
		return 60
	case "h", "hour", "hours":
		return 3600
	case "d", "day", "days":
		return 86400
	}
	return 0
}

// readRate reads "N" events a second or "N/S" events in S seconds.
func readRate(text string) (datum, string) {
	count, seconds, split := strings.Cut(text, "/")
	n, err := strconv.ParseInt(strings.TrimSpace(count), 10, 64)
	s := 1.0
	if err == nil && split {
		s, err = strconv.ParseFloat(strings.TrimSpace(seconds), 64)
	}
	if err != nil || n < 0 || !(s > 0) || math.IsInf(s, 0) {
		return datum{}, "must be a rate such as \"60\" a second or \"60/3\" in three seconds, not " + strconv.Quote(text)
	}
	return datum{rate: Throttle{Count: n, Seconds: s}}, ""
}

// readWord gives the spelling of the schema, whatever the case.
func readWord(o *Option, text string) (string, string) {
	for _, w := range o.Enum {
		if strings.EqualFold(w, text) {
			return w, ""
		}
	}
	fault := "must be one of " + strings.Join(o.Enum, ", ") + ", not " + strconv.Quote(text)
	if near := Nearest(text, o.Enum); near != "" {
		fault += "; did you mean " + strconv.Quote(near) + "?"
	}
	return "", fault
}

// readList reads a list; one scalar is a list of one.
func readList(o *Option, v Value) (datum, Problems) {
	items := v.List
	if v.Kind != KindList {
		items = []Value{v}
	}
	var d datum
	var problems Problems
	for _, item := range items {
		fault := d.appendItem(o, item)
		if fault != "" {
			problems = append(problems, Problem{item.Pos, o.Name + " " + fault})
		}
	}
	return d, problems
}

func (d *datum) appendItem(o *Option, item Value) string {
	switch {
	case item.Kind == KindList || item.Kind == KindDict || item.Kind == KindNone:
		return "takes a list of plain values, not " + kindWord(item.Kind) + " in it"
	case o.Type == CIDRs:
		network, ok := readNetwork(item.Text)
		if !ok {
			return "must hold networks such as \"10.0.0.0/8\" or addresses, not " + strconv.Quote(item.Text)
		}
		d.nets = append(d.nets, network)
	case len(o.Enum) > 0:
		word, fault := readWord(o, item.Text)
		if fault != "" {
			return fault
		}
		d.list = append(d.list, word)
	default:
		d.list = append(d.list, item.Text)
	}
	return ""
}

// readNetwork takes a network or one address. Bits after the prefix are
// cleared: "10.0.0.1/8" means the whole 10.0.0.0/8.
func readNetwork(text string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}

func readDict(o *Option, v Value) (datum, Problems) {
	if v.Kind != KindDict {
		return datum{}, Problems{{v.Pos, o.Name + ` takes a dictionary: { name = "value" }`}}
	}
	d := datum{dict: make(map[string]string, len(v.Dict))}
	var problems Problems
	for _, e := range v.Dict {
		switch e.Value.Kind {
		case KindString, KindNumber, KindBool:
			d.dict[e.Key] = e.Value.Text
		default:
			problems = append(problems, Problem{e.Value.Pos,
				fmt.Sprintf("%s takes plain values; %q is %s", o.Name, e.Key, kindWord(e.Value.Kind))})
		}
	}
	return d, problems
}

func kindWord(k Kind) string {
	switch k {
	case KindList:
		return "a list"
	case KindDict:
		return "a dictionary"
	case KindNone:
		return "nothing"
	}
	return "a single value"
}

// quotedForm is how the number text should have been written.
func quotedForm(t Type, text string) string {
	if t == Rate {
		if _, fault := readRate(text); fault != "" {
			return "60/3"
		}
		return text
	}
	if n, err := strconv.ParseUint(text, 8, 32); err != nil || n > 0o7777 {
		return "0660"
	}
	return "0" + strings.TrimLeft(text, "0")
}
