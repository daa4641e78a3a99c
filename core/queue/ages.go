package queue

import "time"

// ages counts the queued messages by the minute they were received in, so that
// the oldest is found without a look at each. Guarded by Queue.mu.
type ages map[int64]int

func minuteOf(received int64) int64 { return received / 60 }

func (a ages) add(received int64) { a[minuteOf(received)]++ }

func (a ages) remove(received int64) {
	m := minuteOf(received)
	if a[m]--; a[m] <= 0 {
		delete(a, m)
	}
}

// AgeBand is how many messages have an age up to Limit.
type AgeBand struct {
	Limit    time.Duration // 0: whatever is older than the bands before
	Messages int
}

// Ages gives the age of the oldest message, 0 where there is none, and how many
// messages there are in each band: up to a minute, ten minutes, an hour, six
// hours, a day, and older. Ages are exact to the minute.
func (q *Queue) Ages() (oldest time.Duration, bands []AgeBand) {
	bands = []AgeBand{{Limit: time.Minute}, {Limit: 10 * time.Minute}, {Limit: time.Hour}, {Limit: 6 * time.Hour}, {Limit: 24 * time.Hour}, {}}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.Clock.Now()
	for minute, n := range q.ages {
		age := max(now.Sub(time.Unix(minute*60, 0)), 0)
		oldest = max(oldest, age)
		for i := range bands {
			if bands[i].Limit == 0 || age <= bands[i].Limit {
				bands[i].Messages += n
				break
			}
		}
	}
	return oldest, bands
}
