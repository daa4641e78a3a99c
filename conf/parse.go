package conf

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/mtad/mtad/sdk/option"
)

// Bounds on one file. HCL's parser recurses at each bracket, minus and
// operator, so a file of nothing else could overflow the stack.
const (
	maxFileSize   = 8 << 20
	maxNesting    = 200
	maxOperators  = 1000 // of kinds that no valid configuration has
	maxMinusRun   = 10
	maxRepairs    = 50 // how many syntax errors of one file are looked for
	repaired      = "__repaired__"
	repairedBlock = repaired + " {"
)

// parse reads one file's syntax. HCL stops at the first error, or rather what
// it says after it is a consequence of it; so the line it complained of is
// taken out and the rest read again. The body is nil if the file could not be
// mended this way.
func (l *loader) parse(path string, src []byte) *hclsyntax.Body {
	if at, what := tooDeep(path, src); what != "" {
		l.wrong(at, "%s", what)
		return nil
	}
	lines := bytes.Split(src, []byte("\n"))
	told := map[int]bool{}
	for range maxRepairs {
		l.src = bytes.Join(lines, []byte("\n"))
		file, diags := hclsyntax.ParseConfig(l.src, path, hcl.InitialPos)
		body, _ := file.Body.(*hclsyntax.Body)
		again := false
		for _, d := range diags {
			mended := l.syntaxError(d, file, told, lines)
			again = again || mended
		}
		if !again {
			if onlyRedefined(diags) {
				return body
			}
			return nil
		}
	}
	return nil
}

// redefined is HCL's word for an option that is there twice. The file parses
// all the same.
const redefined = "Attribute redefined"

func onlyRedefined(diags hcl.Diagnostics) bool {
	for _, d := range diags {
		if d.Summary != redefined {
			return false
		}
	}
	return true
}

// syntaxError reports the first error of each line and takes the line out. It
// is false where parsing again would bring nothing new.
func (l *loader) syntaxError(d *hcl.Diagnostic, file *hcl.File, told map[int]bool, lines [][]byte) bool {
	r := *d.Subject
	number := r.Start.Line
	if d.Summary == redefined {
		l.redefinedAt(file, r)
		return false
	}
	if told[number] || number > len(lines) {
		return false
	}
	told[number] = true
	line, next := string(lines[number-1]), ""
	if number < len(lines) {
		next = string(lines[number])
	}
	what := strings.ToLower(d.Summary[:1]) + d.Summary[1:]
	if h := hint(d.Summary, line, next); h != "" {
		what += "; " + h
	} else {
		what += ": " + strings.TrimSuffix(d.Detail, ".")
	}
	l.wrong(posOf(r), "%s", what)
	return mend(d.Summary, lines, number-1)
}

func (l *loader) redefinedAt(file *hcl.File, again hcl.Range) {
	name := string(again.SliceBytes(file.Bytes))
	body, _ := file.Body.(*hclsyntax.Body)
	if body == nil {
		return
	}
	body = innermostBody(body, again.Start)
	if first := body.Attributes[name]; first != nil {
		l.setTwice(strings.ToLower(name), again, first.NameRange)
	}
}

func innermostBody(b *hclsyntax.Body, at hcl.Pos) *hclsyntax.Body {
	for _, block := range b.Blocks {
		if block.Body.SrcRange.ContainsPos(at) {
			return innermostBody(block.Body, at)
		}
	}
	return b
}

// mend takes a faulty line out, so that the rest can be read: an option goes, a
// scope keeps its braces.
func mend(summary string, lines [][]byte, i int) bool {
	line := lines[i]
	if strings.Contains(summary, "multi-line") || strings.HasPrefix(summary, "Unclosed") {
		return false
	}
	opens := bytes.ContainsAny(line, "{") && bytes.HasSuffix(bytes.TrimSpace(line), []byte("{"))
	switch {
	case opens && bytes.Count(line, []byte("{")) == 1:
		lines[i] = []byte(repairedBlock)
	case !balanced(line):
		return false
	case i+1 < len(lines) && bytes.HasPrefix(bytes.TrimSpace(lines[i+1]), []byte("{")):
		lines[i] = nil
		lines[i+1] = bytes.Replace(lines[i+1], []byte("{"), []byte(repairedBlock), 1)
	case bytes.HasSuffix(bytes.TrimSpace(line), []byte("=")) && i+1 < len(lines) && balanced(lines[i+1]):
		lines[i], lines[i+1] = nil, nil // the value stands on the next line
	default:
		lines[i] = nil
	}
	return true
}

var quotedText = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

func balanced(line []byte) bool {
	line = quotedText.ReplaceAll(line, nil)
	count := func(c string) int { return bytes.Count(line, []byte(c)) }
	return count("{") == count("}") && count("[") == count("]") && count("(") == count(")") && count(`"`) == 0
}

// tooDeep looks for what would make the parser recurse without end.
func tooDeep(path string, src []byte) (option.Pos, string) {
	tokens, _ := hclsyntax.LexConfig(src, path, hcl.InitialPos)
	depth, operators, minus := 0, 0, 0
	for _, t := range tokens {
		if t.Type != hclsyntax.TokenMinus && t.Type != hclsyntax.TokenNewline {
			minus = 0
		}
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen:
			depth--
		case hclsyntax.TokenMinus:
			minus++
		case hclsyntax.TokenBang, hclsyntax.TokenQuestion, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			operators++
		}
		if depth > maxNesting || operators > maxOperators || minus > maxMinusRun {
			return posOf(t.Range), fmt.Sprintf("this is nested too deep, or holds too many expressions (at most %d levels)", maxNesting)
		}
	}
	return option.Pos{}, ""
}
