package validate

import (
	"errors"
	"fmt"

	"github.com/mtad/mtad/sdk"
)

// settle stores the bodies that the last call edited: what crosses to the next
// module is a body that it can read by its handle. Copies that share an edited
// body go on sharing it.
func (s *Session) settle() error {
	var done map[*sdk.BodyPiece]sdk.Body
	for i := -1; i < len(s.State.Copies); i++ {
		m := s.State.Message
		if i >= 0 {
			m = s.State.Copies[i]
		}
		if m == nil || len(m.Body.Pieces) == 0 {
			continue
		}
		first := &m.Body.Pieces[0]
		if b, ok := done[first]; ok {
			m.Body = b
			continue
		}
		if s.v.Settle == nil {
			return errors.New("no place for an edited body")
		}
		drop, err := s.v.Settle(&m.Body)
		if err != nil {
			return fmt.Errorf("storing an edited body: %w", err)
		}
		s.settled = append(s.settled, drop)
		if done == nil {
			done = make(map[*sdk.BodyPiece]sdk.Body)
		}
		done[first] = m.Body
	}
	return nil
}

func (s *Session) dropSettled() {
	for _, drop := range s.settled {
		drop()
	}
	s.settled = nil
}
