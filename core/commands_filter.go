package core

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk/smtp"
)

// filter narrows an order about a domain's mail (reference/console.tsv, fail
// domain): what it names must all be true of a message.
type filter struct {
	sender, recipient string    // patterns, * stands for any text; "": any
	meta, header      [2]string // key and value; name and physical line
	dryRun            bool
}

// parseFilter takes the clauses in front of the words, and --dry-run wherever it
// stands, so that a preview never becomes the order itself.
func parseFilter(args []string) (f filter, rest []string, err error) {
	rest, f.dryRun = cutFlag(args, "--dry-run")
	for len(rest) > 0 && strings.HasPrefix(rest[0], "--") {
		need := 2
		if rest[0] == "--meta" || rest[0] == "--context" || rest[0] == "--header" {
			need = 3
		}
		if len(rest) < need {
			return f, nil, usage("%s needs %d words", rest[0], need-1)
		}
		switch rest[0] {
		case "--sender":
			f.sender = rest[1]
		case "--recipient":
			f.recipient = rest[1]
		case "--meta", "--context":
			f.meta = [2]string{rest[1], rest[2]}
		case "--header":
			f.header = [2]string{rest[1], rest[2]}
		default:
			return f, nil, usage("unknown argument %s", rest[0])
		}
		rest = rest[need:]
	}
	if f.meta[0] != "" && f.header[0] != "" {
		return f, nil, usage("--meta and --header exclude each other")
	}
	return f, rest, nil
}

// any reports a filter that leaves nothing out.
func (f *filter) any() bool {
	return f.sender == "" && f.recipient == "" && f.meta[0] == "" && f.header[0] == ""
}

// selection is the queue's selection for a filter; "all" is every domain and
// every binding.
func (c *Core) selection(f filter, binding, domain string) *queue.Selection {
	s := &queue.Selection{Binding: unlessAll(binding), Domain: unlessAll(domain)}
	if !f.any() {
		s.Match = func(m *message.Message) (bool, error) { return c.matches(&f, m) }
	}
	return s
}

func unlessAll(name string) string {
	if strings.EqualFold(name, "all") {
		return ""
	}
	return name
}

func (c *Core) matches(f *filter, m *message.Message) (bool, error) {
	if f.sender != "" && !like(f.sender, string(m.Sender)) || f.recipient != "" && !like(f.recipient, string(m.Recipient)) {
		return false, nil
	}
	if key := f.meta[0]; key != "" {
		value, ok := m.Context.Get(key)
		if !ok {
			value, ok = m.ConnContext.Get(key)
		}
		return ok && value == f.meta[1], nil
	}
	if f.header[0] == "" {
		return true, nil
	}
	loan, err := c.door.Lend(m)
	if err != nil {
		return false, fmt.Errorf("its header cannot be read: %w", err)
	}
	defer loan.Close()
	return hasLine(loan.Header, f.header[0], f.header[1]), nil
}

// hasLine reports whether a field of the header section has the physical line:
// a folded value is compared line by line, as it is stored and without the white
// space in front.
func hasLine(section []byte, name, want string) bool {
	inside := false
	for _, raw := range bytes.Split(section, []byte("\n")) {
		line := strings.TrimSuffix(string(raw), "\r")
		if line != "" && (line[0] == ' ' || line[0] == '\t') { // RFC 5322 §2.2.3
			if inside && (line == want || strings.TrimLeft(line, " \t") == want) {
				return true
			}
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		inside = strings.EqualFold(strings.TrimRight(field, " \t"), name)
		if inside && strings.TrimLeft(value, " \t") == want {
			return true
		}
	}
	return false
}

// like compares without case; * in the pattern stands for any text.
func like(pattern, text string) bool {
	parts := strings.Split(strings.ToLower(pattern), "*")
	text = strings.ToLower(text)
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	if len(parts) == 1 {
		return text == parts[0]
	}
	text = text[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}

// The replies for mail that is failed by hand (reference/logs.md).
var (
	replyPurged = smtp.NewReply(554, "5.7.0", "[internal] Message manually purged")
	replyManual = smtp.NewReply(554, "5.7.0", "[internal] manually failed")
)

// failReply is the reply that a note asks for: a text, or a whole reply of the
// class 5xx.
func failReply(note []string) (*smtp.Reply, error) {
	text := strings.Join(note, " ")
	if text == "" {
		return replyPurged, nil
	}
	if strings.ContainsAny(text, "\r\n") {
		return nil, usage("a note is one line")
	}
	if r, ok := smtp.ParseReply(text); ok {
		if !r.Permanent() {
			return nil, usage("mail fails with a reply of the class 5xx, not with %q", text)
		}
		return r, nil
	}
	return smtp.NewReply(554, "5.7.0", "[internal] "+text), nil
}
