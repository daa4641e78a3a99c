package logs

import "time"

// Adaptation is a G record of the adaptive log (reference/logs.md, adaptive
// log).
type Adaptation struct {
	Now             time.Time
	Binding, Domain string
	Level           string // "NOTICE"
	Text            string
}

// Adaptation writes a G record, of version 1.
func (l *Logs) Adaptation(a *Adaptation) {
	l.adaptive.line(string(newRecord(a.Now).text("1").text("G").text(a.Binding).text(a.Domain).text(a.Level).text(" " + a.Text).b))
}
