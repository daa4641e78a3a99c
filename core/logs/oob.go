package logs

// OutOfBand writes the B record of a bounce that came as mail: a's stage is
// StageOutOfBand, its message the original as far as the bounce tells.
func (l *Logs) OutOfBand(a *Attempt) {
	if !l.options.Load().NoOutOfBandBounces {
		l.writeBounce("B", a)
	}
}
