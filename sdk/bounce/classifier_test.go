package bounce

import (
	_ "embed"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"testing"
)

//go:embed testdata/replies.txt
var corpus string

type sample struct {
	class    Class
	from     string
	reply    string
	heldOut  bool
	position int
}

// samples reads the corpus. The rules were written looking at one half, which the
// text's hash picks; the other was only counted.
func samples(t testing.TB) []sample {
	var out []sample
	number := 0
	for line := range strings.Lines(corpus) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.SplitN(line, "|", 3)
		class, err := strconv.Atoi(f[0])
		if err != nil || len(f) != 3 || Class(class).Info().Symbol == "" {
			t.Fatalf("replies.txt:%d: %q", number, line)
		}
		h := fnv.New32a()
		_, _ = h.Write([]byte(f[2]))
		out = append(out, sample{Class(class), f[1], strings.ReplaceAll(f[2], `\n`, "\n"), h.Sum32()%2 == 1, number})
	}
	return out
}

func TestBuiltinRulesParse(t *testing.T) {
	rules, err := ParseRules("rules.txt", ruleText)
	if err != nil || len(rules) < 200 {
		t.Fatalf("%d rules: %v", len(rules), err)
	}
}

// TestCorpus counts what the rules make of the corpus: at least 90 % right and
// at most 5 % undetermined, in the half held out as well.
func TestCorpus(t *testing.T) {
	type count struct{ all, right, undetermined int }
	counts := map[string]*count{"all": {}, "held out": {}}
	for _, s := range samples(t) {
		got := Builtin().Classify(s.reply, "")
		for name, c := range counts {
			if name == "held out" && !s.heldOut {
				continue
			}
			c.all++
			if got == s.class {
				c.right++
			}
			if got == Undetermined {
				c.undetermined++
			}
		}
		if got != s.class && !s.heldOut {
			t.Logf("replies.txt:%d: %s: class %d, not %d: %s (%v)", s.position, s.from, got, s.class, s.reply, Builtin().Find(s.reply, ""))
		}
	}
	if counts["all"].all < 500 {
		t.Errorf("%d replies, want at least 500", counts["all"].all)
	}
	for name, c := range counts {
		t.Log(name, fmt.Sprintf("%d replies, %d right, %d undetermined", c.all, c.right, c.undetermined))
		if c.right*100 < c.all*90 || c.undetermined*100 > c.all*5 {
			t.Errorf("%s: of %d replies %d are right and %d undetermined", name, c.all, c.right, c.undetermined)
		}
	}
}

func TestClassifierColumns(t *testing.T) {
	rules, err := ParseRules("x", "# c\n20 4 *.2.* .a.test no|room\n\n30 550 * * \" gone \"\n40 * * b.test -\n")
	if err != nil {
		t.Fatal(err)
	}
	c := NewClassifier(rules)
	for _, one := range []struct {
		reply, domain string
		want          Class
	}{
		{"450 4.2.9 NO more\r\n450 4.2.9 ROOM", "x.A.test", 20},
		{"450 4.2.9 no room", "aa.test", Undetermined},
		{"550 4.2.9 no room", "a.test", Undetermined},
		{"550 is gone", "", 30},
		{"550 forgone", "", Undetermined},
		{"551 gone", "B.test", 40},
		{"", "", Undetermined},
		{"550", "", Undetermined},
	} {
		if got := c.Classify(one.reply, one.domain); got != one.want {
			t.Errorf("%q for %q: %d, want %d", one.reply, one.domain, got, one.want)
		}
	}
	over := c.With([]Rule{{Class: 77, Pattern: "<who@b.test>"}, {Class: 78, Pattern: "is|gone"}})
	if got := over.Classify("551 <who@b.test> gone", "b.test"); got != 77 {
		t.Errorf("an override that names an address: %d", got)
	}
	if got := over.Classify("550 is gone", ""); got != 78 || over.Classify("551 x", "b.test") != 40 {
		t.Errorf("overrides do not go before the rules: %d", got)
	}
}

func TestRuleMistakes(t *testing.T) {
	_, err := ParseRules("x.txt", "10 * * *\n1000 * * * x\n10 5x * * x\n10 * 5.1 * x\n10 * * * "+strings.Repeat("x", 600))
	for _, want := range []string{"x.txt:1: want", `x.txt:2: "1000" is no bounce code`, `x.txt:3: "5x" is no reply code`, `x.txt:4: "5.1" is no enhanced`, "x.txt:5: the rule is longer"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

func TestParseOverrides(t *testing.T) {
	smtp, err := ParseOverrides(ForSMTP, "f", "# mine\n,99,bad word\nYahoo.com,10,no | account, sorry\n")
	if err != nil || len(smtp) != 2 || smtp[1].Domain != "yahoo.com" || smtp[1].Pattern != "no | account, sorry" || smtp[1].Source != "f:3" {
		t.Fatalf("%+v %v", smtp, err)
	}
	mdn, err := ParseOverrides(ForMDN, "f", "22,voll\n")
	if err != nil || len(mdn) != 1 || mdn[0].Class != MailboxFull {
		t.Fatalf("%+v %v", mdn, err)
	}
	if _, err = ParseOverrides(ForSMTP, "f", "a.test,10\nx,y,z\n,10,|\n"); err == nil || strings.Count(err.Error(), "f:") != 3 {
		t.Error(err)
	}
	c := Classification{SMTP: Builtin().With(smtp), Custom: map[Class]string{99: "profanity"}}
	if got := c.SMTP.Find("550 what a BAD WORD", "x.test"); got == nil || c.Info(got.Class).Description != "profanity" || got.String() != "f:2: 99 * * * bad word" {
		t.Errorf("%v", got)
	}
	if !c.Known(10) || !c.Known(99) || c.Known(98) {
		t.Error("known classes")
	}
}

func TestClassifyDoesNotAllocate(t *testing.T) {
	c := Builtin()
	reply := "550 5.1.1 <bob@example.com>: Recipient address rejected: User unknown in virtual mailbox table"
	if n := testing.AllocsPerRun(100, func() { c.Classify(reply, "example.com") }); n > 0.5 { // the pool may be emptied under way
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkClassify(b *testing.B) {
	list, c := samples(b), Builtin()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Classify(list[i%len(list)].reply, "example.com")
	}
}

func FuzzClassify(f *testing.F) {
	f.Add("550-5.1.1 a\r\n550 5.1.1 <b@c>", "c", "10 5 *.1.* c a|b")
	f.Add("4", "", "20 * * .x \"  \"")
	f.Fuzz(func(t *testing.T, reply, domain, text string) {
		rules, err := ParseRules("x", text)
		if err != nil {
			return
		}
		c := Builtin().With(rules)
		if class := c.Classify(reply, domain); class < 1 || int(class) > maxClass {
			t.Errorf("class %d", class)
		}
	})
}

func FuzzParseOverrides(f *testing.F) {
	f.Add("a.test,10,x|y\n")
	f.Add("10,x")
	f.Fuzz(func(t *testing.T, text string) {
		for _, k := range []Kind{ForSMTP, ForMDN} {
			rules, _ := ParseOverrides(k, "f", text)
			for i := range rules {
				if rules[i].Pattern == "" {
					t.Error("a rule that fits everything")
				}
			}
		}
	})
}
