package option

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type common struct {
	Idle time.Duration `opt:"idle_time" default:"300" unit:"seconds"`
}

type script struct {
	Name   string `opt:",instance"`
	Source string `opt:"source"`
	Where  Pos    `opt:",pos"`
}

type security struct {
	User string `opt:"user" default:"nobody"`
}

type everything struct {
	common
	Name     string            `opt:",instance"`
	Where    Pos               `opt:",pos"`
	Text     string            `opt:"Text" default:"hello"`
	Count    int64             `opt:"count" default:"-1"`
	Small    int               `opt:"small"`
	On       bool              `opt:"on" default:"true"`
	Life     time.Duration     `opt:"life" default:"1200" unit:"seconds"`
	Quick    time.Duration     `opt:"quick" type:"millis" default:"5000"`
	Mode     uint32            `opt:"mode" type:"octal" default:"0660"`
	Rate     Throttle          `opt:"rate"`
	Size     int64             `opt:"size" type:"bytes"`
	List     []string          `opt:"list" default:"[a, 'b c']"`
	Dict     map[string]string `opt:"dict" default:"k=v"`
	Kind     string            `opt:"kind" enum:"no,ifAvailable,required" default:"no"`
	Nets     []netip.Prefix    `opt:"nets" default:"10.0.0.0/8, ::1"`
	Port     int64             `opt:"port" type:"port" default:"25"`
	Part     float64           `opt:"part" default:"0.5"`
	Unset    *int64            `opt:"unset"`
	Maybe    *bool             `opt:"maybe"`
	Events   []string          `opt:"events" enum:"throttle,suspension"`
	Scripts  []script          `scope:"script" help:"One script."`
	Security security          `scope:"security"`
	Extra    *security         `scope:"extra"`
	internal int
}

func str(text string) Value  { return Value{Kind: KindString, Text: text} }
func num(text string) Value  { return Value{Kind: KindNumber, Text: text} }
func boolean(b string) Value { return Value{Kind: KindBool, Text: b} }
func list(v ...Value) Value  { return Value{Kind: KindList, List: v} }

func dict(kv ...string) Value {
	v := Value{Kind: KindDict}
	for i := 0; i < len(kv); i += 2 {
		v.Dict = append(v.Dict, Entry{kv[i], str(kv[i+1])})
	}
	return v
}

func attrs(nameValue ...any) []Attr {
	var out []Attr
	for i := 0; i < len(nameValue); i += 2 {
		out = append(out, Attr{Name: nameValue[i].(string), Value: nameValue[i+1].(Value)})
	}
	return out
}

func compare(t *testing.T, want, got any) {
	t.Helper()
	opts := cmp.Options{cmp.AllowUnexported(everything{}),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })}
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func defaults() everything {
	return everything{
		common: common{Idle: 300 * time.Second},
		Text:   "hello", Count: -1, On: true, Life: 20 * time.Minute, Quick: 5 * time.Second,
		Mode: 0o660, List: []string{"a", "b c"}, Dict: map[string]string{"k": "v"}, Kind: "no",
		Nets: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		Port: 25, Part: 0.5, Scripts: []script{}, Security: security{"nobody"},
	}
}

func TestDecodeDefaults(t *testing.T) {
	got := everything{internal: 7, Text: "stale", Unset: new(int64)}
	if problems := Decode(&Scope{Name: "x"}, &got); problems != nil {
		t.Fatal(problems)
	}
	want := defaults()
	want.internal = 7 // no tag: left alone
	compare(t, want, got)
}

func TestDecodeValues(t *testing.T) {
	at := Pos{"f", 3, 1}
	s := Scope{Name: "x", Instance: "One", Pos: at, Attrs: attrs(
		"idle_time", str("60"), "text", num("10"), "count", str("12"), "small", num("3"), "on", str("Off"),
		"life", num("1"), "quick", num("20"), "mode", str("640"), "rate", str("60/3"), "size", num("100"),
		"list", str("one"), "dict", dict("user", "a", "pass", "b"), "kind", str("IFAVAILABLE"),
		"nets", list(str("192.0.2.1"), str("10.1.2.3/8"), str("::ffff:192.0.2.0/120")),
		"port", str("2525"), "part", num("1.5"), "unset", num("0"), "maybe", boolean("false"),
		"events", list(str("Suspension"))),
		Scopes: []Scope{
			{Name: "script", Instance: "b", Attrs: attrs("source", str("s1"))},
			{Name: "extra", Attrs: attrs("user", str("me"))},
			{Name: "script", Instance: "a", Pos: at},
		}}
	got := everything{}
	if problems := Decode(&s, &got); problems != nil {
		t.Fatal(problems)
	}
	zero, no := int64(0), false
	want := everything{
		common: common{Idle: time.Minute}, Name: "One", Where: at, Text: "10", Count: 12, Small: 3,
		Life: time.Second, Quick: 20 * time.Millisecond, Mode: 0o640, Rate: Throttle{60, 3}, Size: 100,
		List: []string{"one"}, Dict: map[string]string{"user": "a", "pass": "b"}, Kind: "ifAvailable",
		Nets: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("10.0.0.0/8"),
			netip.MustParsePrefix("192.0.2.0/24")},
		Port: 2525, Part: 1.5, Unset: &zero, Maybe: &no, Events: []string{"suspension"},
		Scripts:  []script{{Name: "b", Source: "s1"}, {Name: "a", Where: at}},
		Security: security{"nobody"}, Extra: &security{"me"},
	}
	compare(t, want, got)
}

func TestBoolSpellings(t *testing.T) {
	o := Option{Name: "b", Type: Bool}
	for text, want := range map[string]bool{"on": true, "OFF": false, "True": true, "false": false,
		"enabled": true, "Disabled": false, "1": true, "0": false} {
		for _, kind := range []Kind{KindString, KindNumber, KindBool} {
			d, wrong := read(&o, Value{Kind: kind, Text: text})
			if wrong != nil || d.flag != want {
				t.Errorf("%s: got %v, %v", text, d.flag, wrong)
			}
		}
	}
}

func TestValueProblems(t *testing.T) {
	option := func(ty Type) *Option { return &Option{Name: "o", Type: ty, Enum: []string{"reject", "allow"}} }
	tests := []struct {
		o    *Option
		v    Value
		want string
	}{
		{option(Bool), str("yes"), `o must be true or false (also on/off, enabled/disabled, 1/0), not "yes"`},
		{option(Int), str("ten"), `o must be a whole number, not "ten"`},
		{option(Int), num("1.5"), `o must be a whole number, not "1.5"`},
		{option(Int), num("99999999999999999999"), `o must be a whole number, not "99999999999999999999"`},
		{option(Int), list(num("1")), `o takes one value, not a list`},
		{option(String), dict("a", "b"), `o takes one value, not a dictionary`},
		{option(Seconds), str("20m"), `o must be a whole number of seconds, not "20m"; write 1200`},
		{option(Seconds), str("4 hours"), `o must be a whole number of seconds, not "4 hours"; write 14400`},
		{option(Seconds), num("-1"), `o must not be negative, but is -1`},
		{option(Seconds), num("9999999999999"), `o is too long: 9999999999999`},
		{option(Millis), str("2s"), `o must be a whole number of milliseconds, not "2s"; write 2000`},
		{option(Bytes), str("5k"), `o must be a number of bytes, not "5k"; write 5120`},
		{option(Bytes), str("1 G"), `o must be a number of bytes, not "1 G"; write 1073741824`},
		{option(Bytes), str("1x"), `o must be a number of bytes, not "1x"`},
		{option(Seconds), str("2 days"), `o must be a whole number of seconds, not "2 days"; write 172800`},
		{option(String), Value{}, `o takes one value, not nothing`},
		{option(Bytes), str("20MB"), `o must be a number of bytes, not "20MB"; write 20971520`},
		{option(Port), num("0"), `o must be a port from 1 to 65535, not 0`},
		{option(Port), num("65536"), `o must be a port from 1 to 65535, not 65536`},
		{option(Octal), num("0660"), `o must be quoted, e.g. "0660"`},
		{option(Octal), num("640"), `o must be quoted, e.g. "0640"`},
		{option(Octal), num("999"), `o must be quoted, e.g. "0660"`},
		{option(Octal), str("0888"), `o must be an octal mode such as "0660", not "0888"`},
		{option(Rate), num("20"), `o must be quoted, e.g. "20"`},
		{option(Rate), boolean("true"), `o must be quoted, e.g. "60/3"`},
		{option(Rate), str("60/0"), `o must be a rate such as "60" a second or "60/3" in three seconds, not "60/0"`},
		{option(Rate), str("-1"), `o must be a rate such as "60" a second or "60/3" in three seconds, not "-1"`},
		{option(Enum), str("rejct"), `o must be one of reject, allow, not "rejct"; did you mean "reject"?`},
		{option(List), list(list(str("a"))), `o takes a list of plain values, not a list in it`},
		{option(CIDRs), str("10.0.0"), `o must hold networks such as "10.0.0.0/8" or addresses, not "10.0.0"`},
		{option(Dict), str("a=b"), `o takes a dictionary: { name = "value" }`},
		{option(Dict), Value{Kind: KindDict, Dict: []Entry{{"k", list()}}}, `o takes plain values; "k" is a list`},
		{option(Fraction), str("half"), `o must be a number, not "half"`},
		{option(Fraction), str("NaN"), `o must be a number, not "NaN"`},
	}
	for _, tt := range tests {
		tt.v.Pos = Pos{"f", 1, 2}
		got := tt.o.Check(tt.v)
		if len(got) != 1 || got[0].Text != tt.want {
			t.Errorf("%s of %+v:\n got %v\nwant %s", tt.o.Type, tt.v, got, tt.want)
		}
	}
}

func TestScopeProblems(t *testing.T) {
	schema := SchemaOf("global", struct {
		Retry   time.Duration `opt:"retry_interval"`
		Dict    map[string]string
		Scripts []script  `scope:"script"`
		One     *security `scope:"security"`
	}{})
	schema.Scopes[1].Instance = InstanceForbidden
	schema.Options = append(schema.Options, Option{Name: "logs", Type: Dict})
	s := Scope{Name: "global", Attrs: []Attr{
		{Name: "retry_intervall", Value: num("1"), Pos: Pos{"f", 1, 1}},
		{Name: "script", Value: dict(), Pos: Pos{"f", 2, 1}},
		{Name: "zzz", Value: num("1")},
	}, Scopes: []Scope{
		{Name: "scirpt", Instance: "a", Pos: Pos{"f", 3, 1}},
		{Name: "logs"},
		{Name: "script", Attrs: attrs("sauce", str("x"))},
		{Name: "security", Instance: "a"},
	}}
	want := strings.Join([]string{
		`f:1:1: unknown option "retry_intervall" in scope "global"; did you mean "retry_interval"?`,
		`f:2:1: unknown option "script" in scope "global"; script is a scope: write script { ... } without "="`,
		`unknown option "zzz" in scope "global"`,
		`f:3:1: 'scirpt' is not a valid scope name in scope 'Global'; did you mean "script"?`,
		`'logs' is not a valid scope name in scope 'Global'; logs is an option: write logs = ...`,
		`scope "script" needs a name: script "..." { ... }`,
		`unknown option "sauce" in scope "script"; did you mean "source"?`,
		`scope "security" takes no name: write security { ... }`,
	}, "\n")
	compare(t, want, Check(&s, &schema).String())

	schema.Open = true
	if got := Check(&s, &schema); len(got) != 3 {
		t.Errorf("an open schema still checks what it knows: %v", got)
	}
}

func TestDecodeKeepsWhatIsRight(t *testing.T) {
	var got everything
	problems := Decode(&Scope{Name: "x", Attrs: attrs("count", str("ten"), "small", num("2"))}, &got)
	if len(problems) != 1 || got.Small != 2 || got.Count != -1 {
		t.Errorf("%v %+v", problems, got)
	}
}

func TestDecodeLayers(t *testing.T) {
	d := NewDecoder[everything]()
	global := &Scope{Name: "global", Attrs: attrs("count", num("1"), "text", str("g"), "hostname", str("h"))}
	domain := &Scope{Name: "domain", Instance: "a", Attrs: attrs("count", num("2"), "mode", num("0600"))}
	var got everything
	problems := d.Layers(&got, global, nil, domain)
	if got.Count != 2 || got.Text != "g" || got.Mode != 0o660 || got.Name != "a" || got.Kind != "no" {
		t.Errorf("%+v", got)
	}
	if len(problems) != 1 || problems[0].Text != `mode must be quoted, e.g. "0600"` {
		t.Error(problems)
	}
	var again everything
	DecodeLayers(&again, global, domain)
	compare(t, got, again)
	var own everything
	if problems := d.Decode(domain, &own); len(problems) != 1 || own.Count != 2 {
		t.Errorf("%v %+v", problems, own)
	}
	compare(t, SchemaOf("x", everything{}), d.Schema("x"))
}

func TestDecoderSharesNothing(t *testing.T) {
	d := NewDecoder[everything]()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			var a everything
			d.Layers(&a)
			a.List[0], a.Dict["k"], a.Nets[0] = "changed", "changed", netip.Prefix{}
		})
	}
	group.Wait()
	var b everything
	d.Layers(&b)
	if b.List[0] != "a" || b.Dict["k"] != "v" || !b.Nets[0].IsValid() {
		t.Errorf("defaults changed: %+v", b)
	}
}

func TestWrongTags(t *testing.T) {
	tests := map[string]any{
		"no option has the Go type chan int": struct {
			A chan int `opt:"a"`
		}{},
		`type:"octal" does not fit Go type string`: struct {
			A string `opt:"a" type:"octal"`
		}{},
		"an enum needs its words": struct {
			A string `opt:"a" type:"enum"`
		}{},
		"is there twice": struct {
			A string `opt:"a"`
			B string `opt:"A"`
		}{},
		`default: a must be a whole number, not "x"`: struct {
			A int64 `opt:"a" default:"x"`
		}{},
		"not exported": struct {
			a string `opt:"a"`
		}{},
		`unknown instance rule "sometimes"`: struct {
			A string `opt:",instance,sometimes"`
		}{},
		"does not fit type": struct {
			A int `opt:",pos"`
		}{},
		"a scope is a struct": struct {
			A []string `scope:"a"`
		}{},
		"is no struct": 3,
	}
	for want, tagged := range tests {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
			}()
			SchemaOf("x", tagged)
		}()
	}
}

func BenchmarkLayers(b *testing.B) {
	d := NewDecoder[everything]()
	global := &Scope{}
	for _, name := range []string{"aa", "bb", "cc", "dd", "ee", "ff", "gg", "hh", "ii", "jj"} {
		global.Attrs = append(global.Attrs, attrs(name, num("1"))...)
	}
	global.Attrs = append(global.Attrs, attrs("count", num("3"), "life", num("20"))...)
	domain := &Scope{Attrs: attrs("rate", str("60/3"), "size", num("100"))}
	var dst everything
	for b.Loop() {
		d.Layers(&dst, global, domain)
	}
}
