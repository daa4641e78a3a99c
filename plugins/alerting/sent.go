package alerting

import "time"

// sent remembers what was sent, so that it is not sent again too soon
// (`alerting_data` of reference/datasource.md §3), and how much was sent within
// an hour. It outlives a reload.
type sent struct {
	ttl     time.Duration
	most    int
	perHour int
	at      map[string]time.Time
	hour    []time.Time // of what was sent within an hour
	held    int         // alerts held back since the last one
}

// entryCost is about what one remembered alert takes, in bytes.
const entryCost = 256

// fresh reports whether key was not sent within the ttl.
func (s *sent) fresh(key string, now time.Time) bool {
	t, there := s.at[key]
	return !there || now.Sub(t) >= s.ttl
}

// room reports whether this hour takes another alert.
func (s *sent) room(now time.Time) bool {
	for len(s.hour) > 0 && now.Sub(s.hour[0]) >= time.Hour {
		s.hour = s.hour[1:]
	}
	return len(s.hour) < s.perHour
}

// remember that key is sent now.
func (s *sent) remember(key string, now time.Time) {
	if _, there := s.at[key]; !there && len(s.at) >= s.most {
		s.forgetOldest()
	}
	s.at[key] = now
	s.hour = append(s.hour, now)
}

func (s *sent) forgetOldest() {
	var oldest string
	var when time.Time
	for k, t := range s.at {
		if when.IsZero() || t.Before(when) {
			oldest, when = k, t
		}
	}
	delete(s.at, oldest)
}
