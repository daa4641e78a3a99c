package logs

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/mtad/mtad/sdk"
)

// Panic writes a paniclog entry. Lua's print always reaches the file; other
// records from the configured level on.
func (l *Logs) Panic(r sdk.LogRecord) {
	if r.Time.IsZero() {
		r.Time = l.Now()
	}
	r.Text = cleanText(r.Text)
	l.recent.add(r)
	if o := l.options.Load(); r.Level != sdk.LevelPrint && (r.Level < o.Level || o.NoErrors) {
		return
	}
	_ = l.panics.zap.Write(zapcore.Entry{Time: r.Time, LoggerName: r.Source, Message: r.Text}, nil)
}

// cleanText makes a text safe as a paniclog entry: a line of it that looks like
// the beginning of another entry is indented, so that nothing a script prints
// can forge one, and control characters do not reach a terminal.
func cleanText(text string) string {
	text = strings.TrimRight(text, "\r\n")
	if !needsCleaning(text) {
		return text
	}
	var b strings.Builder
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			b.WriteByte('\n')
			if looksLikeEntry(line) {
				b.WriteByte('\t')
			}
		}
		for _, c := range []byte(strings.TrimSuffix(line, "\r")) {
			if c < ' ' && c != '\t' || c == 0x7f {
				c = '?'
			}
			b.WriteByte(c)
		}
	}
	return b.String()
}

func needsCleaning(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] < ' ' && text[i] != '\t' || text[i] == 0x7f {
			return true
		}
	}
	return false
}

// looksLikeEntry reports digits followed by a colon at the start of a line.
func looksLikeEntry(line string) bool {
	rest := strings.TrimLeft(line, "0123456789")
	return len(rest) < len(line) && strings.HasPrefix(rest, ":")
}

// keepRecent is how many entries of each level the console can show.
const keepRecent = 10

// recent are the last entries of each level, for the console's paniclog.
type recent struct {
	mu   sync.Mutex
	byLv [sdk.LevelPrint + 1][]sdk.LogRecord
}

func (r *recent) add(rec sdk.LogRecord) {
	r.mu.Lock()
	defer r.mu.Unlock()
	lv := min(rec.Level, sdk.LevelPrint)
	kept := append(r.byLv[lv], rec)
	if len(kept) > keepRecent {
		kept = append(kept[:0:0], kept[1:]...)
	}
	r.byLv[lv] = kept
}

// Recent lists the last entries of each level in the console's form:
// "[Sun 30 Nov 2003 10:31:37] [serious] text" (reference/console.tsv, paniclog).
func (l *Logs) Recent() []string {
	l.recent.mu.Lock()
	defer l.recent.mu.Unlock()
	var all []sdk.LogRecord
	for _, records := range l.recent.byLv {
		all = append(all, records...)
	}
	sortByTime(all)
	out := make([]string, len(all))
	for i, r := range all {
		out[i] = fmt.Sprintf("[%s] [%s] %s", r.Time.UTC().Format("Mon 2 Jan 2006 15:04:05"), levelName(r.Level), recentText(r))
	}
	return out
}

func recentText(r sdk.LogRecord) string {
	if r.Source == "" {
		return r.Text
	}
	return r.Source + ": " + r.Text
}

func sortByTime(list []sdk.LogRecord) {
	for i := 1; i < len(list); i++ {
		for j := i; j > 0 && list[j].Time.Before(list[j-1].Time); j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}

// levelName is a level as the console shows it.
func levelName(l sdk.Level) string {
	names := [...]string{"debug", "info", "notice", "warning", "serious", "critical", "print"}
	return names[min(int(l), len(names)-1)]
}

// Heartbeat writes the marks of reference/logs.md to each stream.
func (l *Logs) Heartbeat(now time.Time) {
	l.main.line(fmt.Sprintf("%d@@@@M", now.Unix()))
	l.bounce.line(fmt.Sprintf("%d@@@@M1", now.Unix()))
	l.reject.line(fmt.Sprintf("%d: Marker 1", now.Unix()))
}
