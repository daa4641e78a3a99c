//go:build !linux

package smtpd

// newWaker has no waker: sessions keep what they have.
func newWaker(*lot) (waker, error) { return nil, nil }
