package spool

// Ready says why a batch could not be committed now, as far as that is known
// beforehand: ErrReadOnly, ErrClosed or ErrFull. It takes no lock for long.
func (s *Store) Ready() error {
	s.mu.Lock()
	err := s.writable()
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.roomy()
}
