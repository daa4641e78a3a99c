package bounce

import (
	"bytes"
	_ "embed"
	"strings"
	"sync"
)

//go:embed rules.txt
var ruleText string

// Builtin is the classifier of the rules that come with mtad. It is made when it
// is first asked for.
var Builtin = sync.OnceValue(func() *Classifier {
	rules, err := ParseRules("rules.txt", ruleText)
	if err != nil { // a test reads the same text
		rules = nil
	}
	return NewClassifier(rules)
})

// Classifier gives classes to replies. It does not change and is safe for
// concurrent use.
type Classifier struct {
	rules   []compiled
	grams   [gramSize]uint16 // 1 + index of the first literal with that gram
	lits    []literal
	always  []int // rules without a pattern, in order
	verbose bool  // addresses are part of the text
	next    *Classifier
}

type compiled struct {
	Rule
	pieces [][]byte // the pattern's parts between |, in lower case
}

// literal is the longest piece of a rule, found by three of its octets.
type literal struct {
	text []byte
	at   int // where in text the gram begins
	rule int
	next uint16 // 1 + the next literal of the same gram
}

// gramLength octets of a literal lead to it.
const (
	gramLength = 3
	gramSize   = 1 << 12
)

func gram(b []byte) uint32 {
	return (uint32(b[0])*0x9E3B + uint32(b[1])*0x85EB + uint32(b[2])*0x27D5) >> 3 % gramSize
}

// NewClassifier compiles rules; the first that fits a reply counts. Patterns
// whose longest piece is shorter than three octets are tried on every reply.
func NewClassifier(rules []Rule) *Classifier {
	c := &Classifier{rules: make([]compiled, len(rules))}
	for i, r := range rules {
		c.rules[i] = compiled{Rule: r}
		longest := -1
		for _, p := range strings.Split(r.Pattern, "|") {
			piece := bytes.ToLower([]byte(p))
			if len(piece) == 0 {
				continue
			}
			c.rules[i].pieces = append(c.rules[i].pieces, piece)
			if n := len(c.rules[i].pieces) - 1; longest < 0 || len(piece) > len(c.rules[i].pieces[longest]) {
				longest = n
			}
		}
		if longest < 0 || len(c.rules[i].pieces[longest]) < gramLength || len(c.lits) == 1<<16-2 {
			c.always = append(c.always, i)
			continue
		}
		c.lits = append(c.lits, literal{text: c.rules[i].pieces[longest], rule: i})
	}
	c.index()
	return c
}

// index gives each literal the least crowded of its grams. Chains are in the order
// of rules.
func (c *Classifier) index() {
	var crowd [gramSize]int
	for i := range c.lits {
		l := &c.lits[i]
		for at := 0; at+gramLength <= len(l.text); at++ {
			if crowd[gram(l.text[at:])] < crowd[gram(l.text[l.at:])] {
				l.at = at
			}
		}
		crowd[gram(l.text[l.at:])]++
	}
	for i := len(c.lits) - 1; i >= 0; i-- {
		g := gram(c.lits[i].text[c.lits[i].at:])
		c.lits[i].next, c.grams[g] = c.grams[g], uint16(i+1)
	}
}

// With gives a classifier that asks these rules first. Their patterns see the
// addresses of a reply too.
func (c *Classifier) With(rules []Rule) *Classifier {
	if len(rules) == 0 {
		return c
	}
	over := NewClassifier(rules)
	over.next, over.verbose = c, true
	return over
}

// Classify gives the class of a reply such as "552 5.2.2 mailbox full" to mail
// for a domain, "" where that is not known. What the text says goes before the
// enhanced code, and that before the bare code.
func (c *Classifier) Classify(reply, domain string) Class {
	if r := c.Find(reply, domain); r != nil {
		return r.Class
	}
	return Undetermined
}

// Find gives the rule that decides, nil where none fits.
func (c *Classifier) Find(reply, domain string) *Rule {
	t := subject{domain: domain}
	t.code, t.status = codes(reply)
	buf, ok := scratch.Get().(*[maxReply + 2]byte)
	if !ok { // nothing else is put there
		return nil
	}
	defer scratch.Put(buf)
	for ; c != nil; c = c.next {
		t.text = normalise(buf[:0], reply, !c.verbose)
		if r := c.find(&t); r != nil {
			return r
		}
	}
	return nil
}

// Override gives the rule put before the others by With that fits a text, nil
// where none does.
func (c *Classifier) Override(text string) *Rule {
	if c.next == nil {
		return nil
	}
	alone := *c
	alone.next = nil
	return alone.Find(text, "")
}

// scratch are the buffers that texts are normalised in.
var scratch = sync.Pool{New: func() any { return new([maxReply + 2]byte) }}

// subject is what rules are tried on.
type subject struct {
	text                 []byte
	code, status, domain string
}

func (c *Classifier) find(t *subject) *Rule {
	best := len(c.rules)
	for i := 0; i+gramLength <= len(t.text); i++ {
		for n := c.grams[gram(t.text[i:])]; n != 0; n = c.lits[n-1].next {
			l := &c.lits[n-1]
			if l.rule >= best {
				break
			}
			from := i - l.at
			if from >= 0 && bytes.HasPrefix(t.text[from:], l.text) && c.rules[l.rule].matches(t) {
				best = l.rule
				break
			}
		}
	}
	for _, i := range c.always {
		if i >= best {
			break
		}
		if c.rules[i].matches(t) {
			best = i
		}
	}
	if best == len(c.rules) {
		return nil
	}
	return &c.rules[best].Rule
}

func (r *compiled) matches(t *subject) bool {
	if !r.fits(t) {
		return false
	}
	text := t.text
	for _, p := range r.pieces {
		at := bytes.Index(text, p)
		if at < 0 {
			return false
		}
		text = text[at+len(p):]
	}
	return true
}

// maxReply is how much of a reply is read, in octets.
const maxReply = 4 << 10

// normalise writes a reply for the patterns: in lower case, a run of blanks and
// the code at the front of further lines made one blank, one blank at each end.
// mask leaves out what stands in angle brackets and is an address: it is not the
// receiver's word.
func normalise(to []byte, reply string, mask bool) []byte {
	to = append(to, ' ')
	code, status := codes(reply)
	reply = reply[:min(len(reply), maxReply)]
	for i := 0; i < len(reply); i++ {
		b := reply[i]
		switch {
		case b == '\n' || b == '\r':
			i += again(reply[i+1:], code, status)
			b = ' '
		case b < ' ' || b == 0x7f:
			b = ' '
		case 'A' <= b && b <= 'Z':
			b += 'a' - 'A'
		case b == '<' && mask:
			i += address(reply[i:])
		}
		if b != ' ' || to[len(to)-1] != ' ' {
			to = append(to, b)
		}
	}
	if to[len(to)-1] != ' ' {
		to = append(to, ' ')
	}
	return to
}

// again is the length of the code and enhanced code that a further line of a
// reply repeats (RFC 5321 §4.2.1, RFC 2034 §4).
func again(line, code, status string) int {
	n := 0
	if code != "" && strings.HasPrefix(line, code) && len(line) > 3 && (line[3] == '-' || line[3] == ' ') {
		n = 4
	}
	if status != "" && strings.HasPrefix(line[n:], status) {
		n += len(status)
	}
	return n
}

// address is the length of what follows the angle bracket that s begins with, up
// to the closing one, where that is an address.
func address(s string) int {
	end := strings.IndexByte(s, '>')
	if end < 0 || strings.IndexByte(s[:end], '@') < 0 || strings.IndexByte(s[:end], ' ') >= 0 {
		return 0
	}
	return end - 1
}

// codes are a reply's code and its enhanced code, which some write as (#5.1.1)
// at the end.
func codes(reply string) (code, status string) {
	rest := reply
	if len(reply) >= 3 && reply[0] >= '2' && reply[0] <= '5' && isDigit(reply[1]) && isDigit(reply[2]) && (len(reply) == 3 || !isDigit(reply[3])) {
		code, rest = reply[:3], strings.TrimLeft(reply[3:], " -#")
	}
	if s := leading(rest); s != "" {
		return code, s
	}
	if _, after, ok := strings.Cut(rest, "#"); ok {
		return code, leading(after)
	}
	return code, ""
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// leading is the enhanced code at the front of s (RFC 3463 §2), "" where there
// is none.
func leading(s string) string {
	n, part, dots := 0, 0, 0
	for ; n < len(s) && (isDigit(s[n]) || s[n] == '.'); n++ {
		if s[n] != '.' {
			part++
			continue
		}
		if part == 0 || part > 3 {
			return ""
		}
		part, dots = 0, dots+1
	}
	if dots != 2 || part == 0 || part > 3 || s[1] != '.' || s[0] != '2' && s[0] != '4' && s[0] != '5' {
		return ""
	}
	return s[:n]
}
