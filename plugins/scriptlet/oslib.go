package scriptlet

import (
	"fmt"
	"os"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// openOS gives scripts the time and the environment. What starts processes,
// ends ours or touches files is there with unsafe_libs only.
func (in *interpreter) openOS(L *lua.LState) {
	if in.gen.options.UnsafeLibs {
		lua.OpenOs(L)
		L.SetTop(0)
	}
	t, ok := L.G.Global.RawGetString("os").(*lua.LTable)
	if !ok {
		t = L.CreateTable(0, 8)
	}
	set(L, t, map[string]lua.LGFunction{
		"clock":     in.osClock,
		"date":      in.osDate,
		"difftime":  osDifftime,
		"getenv":    osGetenv,
		"setlocale": osSetlocale,
		"time":      in.osTime,
	})
	in.library("os", t)
}

func (in *interpreter) osClock(L *lua.LState) int {
	L.Push(lua.LNumber(in.clock().Seconds()))
	return 1
}

func osDifftime(L *lua.LState) int {
	earlier := 0.0
	if L.Get(2) != lua.LNil {
		earlier = checkNumber(L, 2)
	}
	L.Push(lua.LNumber(checkNumber(L, 1) - earlier))
	return 1
}

func osGetenv(L *lua.LState) int {
	v, ok := os.LookupEnv(checkString(L, 1))
	if !ok {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(lua.LString(v))
	return 1
}

// osSetlocale knows the one locale that there is.
func osSetlocale(L *lua.LState) int {
	switch optString(L, 1, "C") {
	case "", "C", "POSIX":
		L.Push(lua.LString("C"))
	default:
		L.Push(lua.LNil)
	}
	return 1
}

func (in *interpreter) osTime(L *lua.LState) int {
	if L.Get(1) == lua.LNil {
		L.Push(lua.LNumber(in.Now().Unix()))
		return 1
	}
	t := checkTable(L, 1)
	day := dateField(L, t, "day", -1) // the first to be missed, as in Lua 5.1
	month := dateField(L, t, "month", -1)
	at := time.Date(
		dateField(L, t, "year", -1), time.Month(month), day,
		dateField(L, t, "hour", 12), dateField(L, t, "min", 0), dateField(L, t, "sec", 0), 0, time.Local)
	L.Push(lua.LNumber(at.Unix()))
	return 1
}

// dateField is a field of a date table; otherwise < 0 means that it must be
// there.
func dateField(L *lua.LState, t *lua.LTable, key string, otherwise int) int {
	switch v := t.RawGetString(key).(type) {
	case lua.LNumber:
		return int(v)
	case lua.LString:
		var n int
		if _, err := fmt.Sscanf(strings.TrimSpace(string(v)), "%d", &n); err == nil {
			return n
		}
	}
	if otherwise < 0 {
		raisef(L, "field '%s' missing in date table", key)
	}
	return otherwise
}

func (in *interpreter) osDate(L *lua.LState) int {
	format := optString(L, 1, "%c")
	at := in.Now()
	if L.Get(2) != lua.LNil {
		at = time.Unix(int64(checkInt(L, 2)), 0)
	}
	if rest, utc := strings.CutPrefix(format, "!"); utc {
		format, at = rest, at.UTC()
	}
	if strings.HasPrefix(format, "*t") {
		L.Push(dateTable(L, at))
		return 1
	}
	r := threadOf(L).run
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		b.WriteString(dateWord(at, format[i]))
		r.spend(L, 30)
		if b.Len() > in.limits.text() {
			raisef(L, "resulting string too large")
		}
	}
	L.Push(lua.LString(b.String()))
	return 1
}

func dateTable(L *lua.LState, at time.Time) *lua.LTable {
	t := L.CreateTable(0, 9)
	for key, n := range map[string]int{
		"year": at.Year(), "month": int(at.Month()), "day": at.Day(),
		"hour": at.Hour(), "min": at.Minute(), "sec": at.Second(),
		"wday": int(at.Weekday()) + 1, "yday": at.YearDay(),
	} {
		t.RawSetString(key, lua.LNumber(n))
	}
	t.RawSetString("isdst", lua.LBool(at.IsDST()))
	return t
}

// layouts are the conversions of C's strftime that Go's time package has a
// layout for, in the C locale.
var layouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan", 'c': "Mon Jan _2 15:04:05 2006",
	'd': "02", 'D': "01/02/06", 'e': "_2", 'F': "2006-01-02", 'H': "15", 'I': "03", 'm': "01", 'M': "04",
	'p': "PM", 'r': "03:04:05 PM", 'R': "15:04", 'S': "05", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05",
	'y': "06", 'Y': "2006", 'z': "-0700", 'Z': "MST",
}

func dateWord(at time.Time, c byte) string {
	if layout, ok := layouts[c]; ok {
		return at.Format(layout)
	}
	year, week := at.ISOWeek()
	switch c {
	case 'C':
		return fmt.Sprintf("%02d", at.Year()/100)
	case 'g':
		return fmt.Sprintf("%02d", year%100)
	case 'G':
		return fmt.Sprint(year)
	case 'j':
		return fmt.Sprintf("%03d", at.YearDay())
	case 'n':
		return "\n"
	case 's':
		return fmt.Sprint(at.Unix())
	case 't':
		return "\t"
	case 'u':
		return fmt.Sprint((int(at.Weekday())+6)%7 + 1)
	case 'U':
		return fmt.Sprintf("%02d", (at.YearDay()+6-int(at.Weekday()))/7)
	case 'V':
		return fmt.Sprintf("%02d", week)
	case 'w':
		return fmt.Sprint(int(at.Weekday()))
	case 'W':
		return fmt.Sprintf("%02d", (at.YearDay()+6-(int(at.Weekday())+6)%7)/7)
	case '%':
		return "%"
	}
	return "%" + string(c)
}
