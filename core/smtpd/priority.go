package smtpd

import "strconv"

// parsePriority reads the value of MT-PRIORITY: -9 to 9 (RFC 6710 §6).
func parsePriority(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= -9 && n <= 9 && strconv.Itoa(n) == text
}

// sayPriority answers a priority that was not taken as it is (RFC 6710 §4.1,
// §11.2: X.3.6).
const sayPriority = "250 2.3.6 0 is the new priority assigned to the message\r\n"

// queuePriority is a priority as the queue has it: what is above normal goes
// first. One that a peer may not ask for is normal (RFC 6710 §5.1).
func (s *session) queuePriority(asked int) int {
	if asked <= 0 || !s.trusted(s.p.fronts.priority) {
		return 0
	}
	return 1
}
