package interop

import (
	"math/rand/v2"
	"strings"
)

// odd is a piece of a byte stream that is not as a well-behaved client has it:
// where it stands, and how it is made.
type odd struct {
	kind  string
	where place
	make  func(r *rand.Rand) string
}

type place int

const (
	anywhere  place = iota // between two commands
	asHello                // in place of EHLO
	asMail                 // of MAIL
	asRcpt                 // of RCPT
	asContent              // of DATA and its content
)

// choice is one of some texts.
func choice(texts ...string) func(*rand.Rand) string {
	return func(r *rand.Rand) string { return texts[r.IntN(len(texts))] }
}

// long is a text whose middle is between least and most octets.
func long(before, fill, after string, least, most int) func(*rand.Rand) string {
	return func(r *rand.Rand) string {
		n := (least + r.IntN(most-least+1)) / len(fill)
		return before + strings.Repeat(fill, n) + after
	}
}

// evil is the message that is to be smuggled.
const evil = "MAIL FROM:<evil@client.test>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\nSubject: evil\r\n\r\nevil\r\n.\r\n"

// ends are the published variants of the end of data (CVE-2023-51764, -51765,
// -51766 and what followed), each of which some server has taken for it.
var ends = []string{
	"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r.\n", "\n.\r", "\r\r\n.\r\n", "\r\n.\r\r\n", "\n\n.\r\n", "\r\n\x00.\r\n",
	"\r\n.\x00\r\n", "\r\n.\t\r\n", "\r\n. \r\n", "\r\n.\x0b\r\n", "\x85.\x85", "\xe2\x80\xa8.\xe2\x80\xa8", "\r\n.\xa0\r\n", "\n\r.\n\r", "\r\n\r.\r\n", "\r\n\n.\r\n",
}

// data is content in front of a real end of data.
func data(content string) string { return "DATA\r\n" + content + "\r\n.\r\n" }

func mail(path string) string { return "MAIL FROM:" + path + "\r\n" }
func rcpt(path string) string { return "RCPT TO:" + path + "\r\n" }

// each makes one of some texts with wrap around it.
func each(wrap func(string) string, texts ...string) func(*rand.Rand) string {
	return func(r *rand.Rand) string { return wrap(texts[r.IntN(len(texts))]) }
}

// oddities are all of them. A kind is what docs/quirks.md justifies.
func oddities() []odd {
	list := []odd{
		{"bare LF ends a command", anywhere, choice("NOOP\n", "RSET\n", "VRFY a\n")},
		{"bare CR in a command", anywhere, choice("NO\rOP\r\n", "NOOP\r\r\n", "RSET\rNOOP\r\n")},
		{"NUL in a command", anywhere, choice("NO\x00OP\r\n", "NOOP \x00\r\n", "\x00\r\n")},
		{"control character in a command", anywhere, choice("NOOP \x01\r\n", "NOOP \x7f\r\n", "\x1bNOOP\r\n")},
		{"8-bit in an argument", anywhere, choice("NOOP \xe9\r\n", "NOOP \xc3\xa9\r\n")},
		{"tab between verb and argument", anywhere, choice("NOOP\tx\r\n", "RSET\t\r\n")},
		{"blank in front of a verb", anywhere, choice(" NOOP\r\n", "  RSET\r\n")},
		{"blanks behind a verb", anywhere, choice("NOOP \r\n", "RSET  \r\n")},
		{"empty line", anywhere, choice("\r\n", " \r\n")},
		{"case of verbs", anywhere, choice("noop\r\n", "RsEt\r\n", "NOop\r\n")},
		{"long command", anywhere, long("NOOP ", "x", "\r\n", 600, 1500)},
		{"command longer than any buffer", anywhere, long("NOOP ", "x", "\r\n", 5000, 9000)},
		{"unknown verb", anywhere, choice("FOO\r\n", "FOO bar\r\n", "MAILX FROM:<a@b.test>\r\n", "NOOP:\r\n", "X-Y\r\n", "Z\r\n")},
		{"HTTP", anywhere, choice("GET / HTTP/1.1\r\n", "POST / HTTP/1.0\r\n", "CONNECT a:25 HTTP/1.1\r\n", "Subject: x\r\n")},
		{"verb that is not offered", anywhere, choice("TURN\r\n", "SEND FROM:<a@b.test>\r\n", "SOML FROM:<a@b.test>\r\n", "SAML FROM:<a@b.test>\r\n", "EXPN list\r\n")},
		{"extension that is not offered", anywhere, choice("STARTTLS\r\n", "AUTH PLAIN AGEAYg==\r\n", "XCLIENT ADDR=192.0.2.1\r\n", "XFORWARD NAME=x\r\n", "BURL x\r\n")},
		{"VRFY", anywhere, choice("VRFY a@example.com\r\n", "VRFY postmaster\r\n", "VRFY <a@example.com>\r\n")},
		{"VRFY of elsewhere", anywhere, choice("VRFY a@elsewhere.test\r\n", "VRFY <a@elsewhere.test>\r\n")},
		{"VRFY without argument", anywhere, choice("VRFY\r\n")},
		{"HELP", anywhere, choice("HELP\r\n", "HELP MAIL\r\n")},
		{"argument that is too many", anywhere, choice("RSET now\r\n", "DATA x\r\n")},
		{"QUIT with an argument", anywhere, choice("QUIT now\r\n")},
		{"MAIL in a transaction", asRcpt, each(mail, "<b@client.test>")},
		{"RCPT without MAIL", asMail, each(rcpt, "<b@example.com>")},
		{"DATA without RCPT", asRcpt, choice("DATA\r\n")},
		{"RSET in a transaction", asRcpt, choice("RSET\r\n", "EHLO again.test\r\n", "HELO again.test\r\n")},

		{"EHLO without name", asHello, choice("EHLO\r\n", "HELO\r\n", "EHLO \r\n")},
		{"EHLO with several words", asHello, choice("EHLO a b\r\n", "HELO my computer\r\n")},
		{"EHLO with an odd name", asHello, choice("EHLO -\r\n", "EHLO a_b\r\n", "EHLO .\r\n", "HELO a..b\r\n", "EHLO a@b\r\n", "EHLO <a>\r\n", "EHLO a;b\r\n")},
		{"EHLO with a literal", asHello, choice("EHLO [192.0.2.1]\r\n", "EHLO [IPv6:2001:db8::1]\r\n", "EHLO 192.0.2.1\r\n", "EHLO [x]\r\n")},
		{"EHLO in 8-bit", asHello, choice("EHLO \xc3\xa9.test\r\n", "EHLO \xff\r\n")},
		{"EHLO with a long name", asHello, long("EHLO ", "a", "\r\n", 256, 480)},
		{"EHLO twice", asHello, choice("EHLO a.test\r\nEHLO b.test\r\n", "HELO a.test\r\nEHLO b.test\r\n")},
		{"no EHLO", asHello, choice("")},

		{"null sender", asMail, each(mail, "<>")},
		{"null sender with a blank", asMail, each(mail, "< >")},
		{"blank behind FROM:", asMail, each(mail, " <a@client.test>")},
		{"blank in front of the colon", asMail, choice("MAIL FROM :<a@client.test>\r\n", "MAIL  FROM:<a@client.test>\r\n")},
		{"sender without brackets", asMail, each(mail, "a@client.test")},
		{"sender that is no address", asMail, each(mail, "<@>", "<a@>", "<@client.test>", "<a@b@c.test>", "<a b@client.test>", "<a@client..test>", "<.a@client.test>", "<a.@client.test>", "<a..b@client.test>")},
		{"sender's brackets do not match", asMail, each(mail, "<a@client.test", "a@client.test>", "<<a@client.test>>", "<a@client.test>>")},
		{"text around the sender", asMail, each(mail, "Anna <a@client.test>", "<a@client.test>x", "<a@client.test>SIZE=1", "(c)<a@client.test>")},
		{"sender without domain", asMail, each(mail, "<anna>", "<postmaster>")},
		{"source route", asMail, each(mail, "<@a.test:b@client.test>", "<@a.test,@b.test:c@client.test>")},
		{"bad source route", asMail, each(mail, "<@a.test>", "<@:b@client.test>", "<@a.test,b@client.test>")},
		{"quoted local part", asMail, each(mail, `<"a b"@client.test>`, `<"a\"b"@client.test>`, `<"a@b"@client.test>`, `<"a>b"@client.test>`)},
		{"empty quoted local part", asMail, each(mail, `<""@client.test>`)},
		{"bad quotes", asMail, each(mail, `<"a@client.test>`, `<a"b@client.test>`, `<"a"b@client.test>`)},
		{"escape outside quotes", asMail, each(mail, `<a\@b@client.test>`, `<a\ b@client.test>`)},
		{"odd characters in a local part", asMail, each(mail, "<a+b@client.test>", "<a!b@client.test>", "<a%b@client.test>", "<a/b=c@client.test>", "<{a}@client.test>", "<a'b@client.test>")},
		{"special characters in a local part", asMail, each(mail, "<a,b@client.test>", "<a;b@client.test>", "<a:b@client.test>", "<a(b@client.test>", "<a[b@client.test>")},
		{"domain with an underscore", asMail, each(mail, "<a@client_1.test>", "<a@_x.test>")},
		{"domain with odd hyphens", asMail, each(mail, "<a@-client.test>", "<a@client-.test>")},
		{"domain with a dot at its end", asMail, each(mail, "<a@client.test.>")},
		{"domain with odd characters", asMail, each(mail, "<a@cl!ent.test>", "<a@client$.test>", "<a@cl/ent.test>")},
		{"numeric domain", asMail, each(mail, "<a@123.test>", "<a@1.2>", "<a@127>")},
		{"address without literal's brackets", asMail, each(mail, "<a@192.0.2.1>")},
		{"literal", asMail, each(mail, "<a@[192.0.2.1]>", "<a@[IPv6:2001:db8::1]>")},
		{"bad literal", asMail, each(mail, "<a@[192.0.2]>", "<a@[300.0.2.1]>", "<a@[x]>", "<a@[IPv6:1::2::3]>", "<a@[192.0.2.1>")},
		{"long local part", asMail, long("MAIL FROM:<", "a", "@client.test>\r\n", 65, 240)},
		{"long domain", asMail, long("MAIL FROM:<a@", "b.", "test>\r\n", 256, 400)},
		{"long label", asMail, long("MAIL FROM:<a@", "b", ".test>\r\n", 64, 100)},
		{"8-bit in the sender", asMail, each(mail, "<\xc3\xa4@client.test>", "<a@cli\xe9nt.test>", "<\xff@client.test>")},
		{"SIZE", asMail, each(mail, "<a@client.test> SIZE=1", "<a@client.test> SIZE=100000", "<a@client.test> size=5", "<a@client.test> SIZE=0", "<a@client.test>  SIZE=1")},
		{"SIZE that is too large", asMail, each(mail, "<a@client.test> SIZE=100001", "<a@client.test> SIZE=99999999999999999999")},
		{"bad SIZE", asMail, each(mail, "<a@client.test> SIZE=x", "<a@client.test> SIZE=-1", "<a@client.test> SIZE=1x")},
		{"SIZE without value", asMail, each(mail, "<a@client.test> SIZE=", "<a@client.test> SIZE")},
		{"SIZE of many digits", asMail, each(mail, "<a@client.test> SIZE=000000000000000000000000001")},
		{"parameter twice", asMail, each(mail, "<a@client.test> SIZE=1 SIZE=2", "<a@client.test> BODY=7BIT BODY=8BITMIME")},
		{"BODY", asMail, each(mail, "<a@client.test> BODY=7BIT", "<a@client.test> BODY=8BITMIME", "<a@client.test> body=8bitmime")},
		{"bad BODY", asMail, each(mail, "<a@client.test> BODY=9BIT", "<a@client.test> BODY=", "<a@client.test> BODY")},
		{"unknown parameter", asMail, each(mail, "<a@client.test> FOO=1", "<a@client.test> FOO", "<a@client.test> =1", "<a@client.test> SMTPUTF8", "<a@client.test> AUTH=<>", "<a@client.test> RET=HDRS")},
		{"BINARYMIME", asMail, each(mail, "<a@client.test> BODY=BINARYMIME")},
		{"no FROM:", asMail, choice("MAIL\r\n", "MAIL <a@client.test>\r\n", "MAIL FROM\r\n", "MAIL FROM:\r\n", "MAIL TO:<a@client.test>\r\n", "MAIL FROM <a@client.test>\r\n")},

		{"recipient elsewhere", asRcpt, each(rcpt, "<a@elsewhere.test>", "<a@sub.elsewhere.test>", "<a@example.com.elsewhere.test>")},
		{"recipient below a relay domain", asRcpt, each(rcpt, "<a@sub.example.com>")},
		{"case of the domain", asRcpt, each(rcpt, "<a@EXAMPLE.com>", "<A@Example.Com>")},
		{"percent hack", asRcpt, each(rcpt, "<a%elsewhere.test@example.com>")},
		{"bang path", asRcpt, each(rcpt, "<elsewhere.test!a@example.com>", "<elsewhere.test!a>")},
		{"quoted address inside", asRcpt, each(rcpt, `<"a@elsewhere.test"@example.com>`)},
		{"recipient by route", asRcpt, each(rcpt, "<@example.com:a@elsewhere.test>")},
		{"route to a relay domain", asRcpt, each(rcpt, "<@elsewhere.test:a@example.com>")},
		{"null recipient", asRcpt, each(rcpt, "<>")},
		{"postmaster", asRcpt, each(rcpt, "<postmaster>", "<Postmaster>")},
		{"recipient without domain", asRcpt, each(rcpt, "<anna>")},
		{"recipient's literal", asRcpt, each(rcpt, "<a@[192.0.2.9]>")},
		{"recipient without brackets", asRcpt, each(rcpt, "a@example.com", " <a@example.com>")},
		{"recipient's bad syntax", asRcpt, each(rcpt, "<a@@example.com>", "<a b@example.com>", "<a@example.com", "<@example.com>", "")},
		{"recipient's domain ends in a dot", asRcpt, each(rcpt, "<a@example.com.>")},
		{"parameter of RCPT", asRcpt, each(rcpt, "<a@example.com> FOO=1", "<a@example.com> NOTIFY=NEVER", "<a@example.com> SIZE=1")},
		{"8-bit in the recipient", asRcpt, each(rcpt, "<\xc3\xa4@example.com>")},
		{"the same recipient twice", asRcpt, choice("RCPT TO:<a@example.com>\r\nRCPT TO:<a@example.com>\r\n")},

		{"dots", asContent, each(data, "Subject: x\r\n\r\n..\r\n...\r\n.x\r\n..x", "Subject: x\r\n\r\n.\x01")},
		{"NUL in content", asContent, each(data, "Subject: x\r\n\r\na\x00b", "Sub\x00ject: x\r\n\r\nab")},
		{"8-bit content", asContent, each(data, "Subject: x\r\n\r\n\xe4\xff\x80", "Subject: \xc3\xa4\r\n\r\nx")},
		{"bare LF in content", asContent, each(data, "Subject: x\r\n\r\na\nb", "Subject: x\nTo: y\r\n\r\nx", "\nx")},
		{"bare CR in content", asContent, each(data, "Subject: x\r\n\r\na\rb", "Subject: x\ry\r\n\r\nx", "Subject: x\r\n\r\nab\r")},
		{"long line", asContent, long("DATA\r\nSubject: x\r\n\r\n", "y", "\r\n.\r\n", 999, 30000)},
		{"long header", asContent, long("DATA\r\nSubject: ", "y", "\r\n\r\nx\r\n.\r\n", 999, 5000)},
		{"no header section", asContent, each(data, "just text\r\nand more", "\r\ntext", " text: x")},
		{"header section without end", asContent, each(data, "Subject: x")},
		{"odd header", asContent, each(data, ": x\r\n\r\nx", "From me\r\nSubject: x\r\n\r\nx", "Subject : x\r\n\r\nx")},
		{"message that is too large", asContent, long("DATA\r\nSubject: x\r\n\r\n", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", ".\r\n", 101000, 150000)},
		{"no end of data", asContent, choice("DATA\r\nSubject: x\r\n\r\nx\r\n", "DATA\r\n")},

		{"BDAT", asContent, choice("BDAT 14 LAST\r\nSubject: x\r\n\r\n", "BDAT 7\r\nSubjectBDAT 7 LAST\r\n: x\r\n\r\n", "bdat 14 last\r\nSubject: x\r\n\r\n")},
		{"BDAT of nothing at the end", asContent, choice("BDAT 14\r\nSubject: x\r\n\r\nBDAT 0 LAST\r\n")},
		{"BDAT of nothing", asContent, choice("BDAT 0 LAST\r\n")},
		{"BDAT without size", asContent, choice("BDAT\r\n", "BDAT LAST\r\n")},
		{"bad BDAT", asContent, choice("BDAT x LAST\r\n", "BDAT -1 LAST\r\n", "BDAT 5 FIRST\r\nabcde", "BDAT 99999999999999999999 LAST\r\n")},
		{"BDAT and DATA", asContent, choice("BDAT 14\r\nSubject: x\r\n\r\nDATA\r\n", "BDAT 14\r\nSubject: x\r\n\r\nRCPT TO:<c@example.com>\r\n")},
		{"BDAT with dots", asContent, choice("BDAT 22 LAST\r\nSubject: x\r\n\r\n.\r\n..\r\n", "BDAT 17 LAST\r\nSubject: x\r\n\r\n.\r\n")},
		{"BDAT with bare LF", asContent, choice("BDAT 17 LAST\r\nSubject: x\r\n\r\na\nb", "BDAT 15 LAST\r\nSubject: x\r\n\r\n\n")},
		{"BDAT with bare CR", asContent, choice("BDAT 17 LAST\r\nSubject: x\r\n\r\na\rb")},
		{"BDAT cut in a line end", asContent, choice("BDAT 11\r\nSubject: x\rBDAT 5 LAST\r\n\n\r\nx\n")},
		{"BDAT that is too large", asContent, long("BDAT 120000 LAST\r\n", "y", "", 120000, 120000)},
		{"BDAT without RCPT", asRcpt, choice("BDAT 5 LAST\r\nabcde")},
		{"BDAT without MAIL", asMail, choice("BDAT 5 LAST\r\nabcde")},
	}
	for _, end := range ends {
		list = append(list, odd{"end of data " + quote(end), asContent, choice(data("Subject: x\r\n\r\nfirst" + end + evil))})
	}
	return list
}

func quote(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\r':
			b.WriteString("CR ")
		case c == '\n':
			b.WriteString("LF ")
		case c > ' ' && c < 0x7f:
			b.WriteString(string(c) + " ")
		default:
			const hex = "0123456789ABCDEF"
			b.WriteString("0x" + string(hex[c>>4]) + string(hex[c&15]) + " ")
		}
	}
	return strings.TrimSpace(b.String())
}

// stream is a dialogue with o in its place, in one piece as a pipelining client
// would send it. Around it stand commands that nobody objects to.
func stream(o *odd, r *rand.Rand) string {
	var b strings.Builder
	filler := func() {
		for range r.IntN(3) {
			b.WriteString(choice("NOOP\r\n", "RSET\r\n", "NOOP x\r\n")(r))
		}
		if o != nil && o.where == anywhere && r.IntN(2) == 0 {
			b.WriteString(o.make(r))
		}
	}
	part := func(at place, usual string) {
		if o != nil && o.where == at {
			usual = o.make(r)
		}
		b.WriteString(usual)
	}
	part(asHello, choice("EHLO client.test\r\n", "HELO client.test\r\n", "ehlo client.test\r\n")(r))
	filler()
	if o != nil && o.where == anywhere {
		b.WriteString(o.make(r))
	}
	for range 1 + r.IntN(2) {
		part(asMail, "MAIL FROM:<a@client.test>\r\n")
		part(asRcpt, "RCPT TO:<b@example.com>\r\n")
		if r.IntN(2) == 0 {
			b.WriteString("RCPT TO:<c@example.com>\r\n")
		}
		part(asContent, data("Subject: x\r\n\r\ntext"))
		filler()
	}
	b.WriteString("QUIT\r\n")
	return b.String()
}
