package scriptlet

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/plugins/scriptlet/dialect"
	"github.com/mtad/mtad/sdk"
)

// The sources of our paniclog entries (reference/logs.md, paniclog).
const (
	sourceName   = "scriptlet"
	sourceHook   = "scriptlet-00147"
	sourceScript = "scriptlet-00239"
)

// maxEntry is the longest text of one paniclog entry, in bytes.
const maxEntry = 64 << 10

// log writes a paniclog entry.
func (g *generation) log(level sdk.Level, source, text string) {
	g.host.Log(sdk.LogRecord{Level: level, Source: source, Text: entry(text)})
}

// entry makes text fit for one paniclog entry. A line that does not begin an
// entry must not look like one that does, so each is indented.
func entry(text string) string {
	if len(text) > maxEntry {
		text = fmt.Sprintf("%s... (%d bytes more)", text[:maxEntry], len(text)-maxEntry)
	}
	text = strings.TrimRight(text, "\r\n")
	if !strings.ContainsAny(text, "\r\n") {
		return text
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	lines := strings.Split(strings.ReplaceAll(text, "\r", "\n"), "\n")
	for i := 1; i < len(lines); i++ {
		if lines[i] != "" && lines[i][0] != '\t' && lines[i][0] != ' ' {
			lines[i] = "\t" + lines[i]
		}
	}
	return strings.Join(lines, "\n")
}

// reportError logs an error that left a script, as the original does
// (reference/logs.md; reference/lua-api-notes.md 19).
func (g *generation) reportError(hook, script string, err *luaError) {
	g.log(sdk.LevelError, sourceHook, fmt.Sprintf("%s error: %s", hook, err.text))
	text := fmt.Sprintf("%s error: %s", script, err.text)
	if err.trace != "" {
		text += "\n" + err.trace
	}
	g.log(sdk.LevelError, sourceScript, text)
}

// reportBadReturn logs a callout that returned none of the verdicts.
func (g *generation) reportBadReturn(hook string, c *callout, got lua.LValue, counts string) {
	g.log(sdk.LevelError, sourceHook, hook+" error: (null)")
	g.log(sdk.LevelError, sourceScript, c.reg.name+" error: (null)")
	g.log(sdk.LevelError, sourceName, fmt.Sprintf(
		"%s: %s%s returned %s, which is none of msys.core.VALIDATE_CONT, VALIDATE_DONE and VALIDATE_AGAIN; it counts as %s",
		c.reg.name, c.where(), hook, shown(got), counts))
}

// shown is a value as a message names it.
func shown(v lua.LValue) string {
	switch v := v.(type) {
	case *lua.LNilType:
		return "nothing or nil"
	case lua.LString:
		const most = 40
		if len(v) > most {
			v = v[:most]
		}
		return fmt.Sprintf("the string %q", string(v))
	case lua.LNumber:
		return "the number " + dialect.NumberText(float64(v))
	case lua.LBool:
		return v.String()
	}
	return "a " + v.Type().String()
}
