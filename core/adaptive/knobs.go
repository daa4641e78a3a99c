package adaptive

import (
	"cmp"
	"slices"
	"time"

	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/core/throttle"
	rules "github.com/mtad/mtad/sdk/adaptive"
	"github.com/mtad/mtad/sdk/option"
)

// Base is what the configuration says of a lane. It does not change.
type Base struct {
	Queue    *queue.Options
	Delivery *delivery.Options
	Rate     option.Throttle // outbound_throttle_messages
	Options  *Options
	Sweeps   []Sweep // in force
}

// Shaped are a lane's options as they count.
type Shaped struct {
	Queue    *queue.Options
	Delivery *delivery.Options
}

// knob is an option that is adapted. Times are in seconds, rates in messages an
// hour; 0 is no limit.
type knob struct {
	name    string
	managed bool // without adaptive_manage_options
	limits  func(*Options) []string
	get     func(*Base) int64
	set     func(*Shaped, int64) // nil: the rate, which has a limiter of its own
}

const (
	knobConnections = "max_outbound_connections"
	knobDeliveries  = "max_deliveries_per_connection"
	knobRetry       = "retry_interval"
	knobMaxRetry    = "max_retry_interval"
	knobRate        = "outbound_throttle_messages"
)

// knobs is the table of them (manual, adaptive_unmanage_options).
func knobs() []knob {
	timeout := func(name string, limits func(*Options) []string, of func(*delivery.Options) *time.Duration) knob {
		return knob{name, false, limits, func(b *Base) int64 { return seconds(*of(b.Delivery)) },
			func(s *Shaped, v int64) { *of(s.Delivery) = time.Duration(v) * time.Second }}
	}
	return []knob{
		{knobConnections, true, func(o *Options) []string { return o.Connections },
			func(b *Base) int64 { return b.Queue.MaxConnections }, func(s *Shaped, v int64) { s.Queue.MaxConnections = max(v, 1) }},
		{knobDeliveries, true, func(o *Options) []string { return o.Deliveries },
			func(b *Base) int64 { return b.Delivery.MaxDeliveries }, func(s *Shaped, v int64) { s.Delivery.MaxDeliveries = v }},
		{knobRetry, true, func(o *Options) []string { return o.Retry },
			func(b *Base) int64 { return seconds(b.Queue.RetryInterval) }, func(s *Shaped, v int64) { s.Queue.RetryInterval = time.Duration(v) * time.Second }},
		{knobMaxRetry, true, func(o *Options) []string { return o.MaxRetry },
			func(b *Base) int64 { return seconds(b.Queue.MaxRetryInterval) }, func(s *Shaped, v int64) { s.Queue.MaxRetryInterval = time.Duration(v) * time.Second }},
		{knobRate, true, func(o *Options) []string { return o.Rate }, func(b *Base) int64 { return hourly(b.Rate) }, nil},
		{"max_recipients_per_connection", true, func(o *Options) []string { return o.Recipients },
			func(b *Base) int64 { return b.Delivery.MaxRecipients }, func(s *Shaped, v int64) { s.Delivery.MaxRecipients = v }},
		{"max_recipients_per_batch", false, func(o *Options) []string { return o.Batch },
			func(b *Base) int64 { return b.Queue.MaxBatch }, func(s *Shaped, v int64) { s.Queue.MaxBatch = max(v, 1) }},
		timeout("ehlo_timeout", func(o *Options) []string { return o.EHLO }, func(o *delivery.Options) *time.Duration { return &o.EHLOTimeout }),
		timeout("mailfrom_timeout", func(o *Options) []string { return o.MailFrom }, func(o *delivery.Options) *time.Duration { return &o.MailTimeout }),
		timeout("rcptto_timeout", func(o *Options) []string { return o.RcptTo }, func(o *delivery.Options) *time.Duration { return &o.RcptTimeout }),
		timeout("body_timeout", func(o *Options) []string { return o.Body }, func(o *delivery.Options) *time.Duration { return &o.BodyTimeout }),
		timeout("rset_timeout", func(o *Options) []string { return o.Rset }, func(o *delivery.Options) *time.Duration { return &o.RsetTimeout }),
		timeout("idle_timeout", func(o *Options) []string { return o.Idle }, func(o *delivery.Options) *time.Duration { return &o.IdleTimeout }),
	}
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// hourly is a rate in messages an hour; 0 is none.
func hourly(r option.Throttle) int64 {
	if r.Count <= 0 || r.Seconds <= 0 {
		return 0
	}
	return int64(float64(r.Count) * 3600 / r.Seconds)
}

// limiter allows n messages an hour, spread over it.
func limiter(n int64) *throttle.Limiter {
	if n >= 60 {
		return throttle.New(option.Throttle{Count: n / 60, Seconds: 60})
	}
	return throttle.New(option.Throttle{Count: 1, Seconds: 3600 / float64(max(n, 1))})
}

// value is what an option comes to, and where from.
type value struct {
	now     int64
	initial int64       // before any reply was answered with an action
	limits  rules.Range // zero: none
	bounded bool
}

// find gives a knob by its name.
func (s *Settings) find(name string) (*knob, bool) {
	i := slices.IndexFunc(s.knobs, func(k knob) bool { return k.name == name })
	if i < 0 {
		return nil, false
	}
	return &s.knobs[i], true
}

// value resolves an option: the configuration's value, then what the rules of
// the domain say, then what was adapted, all within the range of the option's
// adaptive_ twin.
func (s *Settings) value(k *knob, key queue.Lane, b *Base, st *state) value {
	v := value{now: k.get(b)}
	if r, ok := s.rules.Setting(key.Domain, k.name); ok {
		v.limits, v.bounded = r, true
	}
	if r, ok, _ := parseRange(k.limits(b.Options)); ok {
		v.limits, v.bounded = r, true
	}
	v.initial = v.clamp(v.now)
	v.now = v.initial
	if a, ok := st.adapted[k.name]; ok {
		v.now = v.clamp(a.Value)
	}
	return v
}

// clamp brings a value into the range. No limit at all is above any range.
func (v *value) clamp(n int64) int64 {
	switch {
	case !v.bounded:
		return n
	case n == 0:
		return v.limits.High
	}
	return v.limits.Clamp(n)
}

// shape builds a lane's options. st is locked by the caller.
func (s *Settings) shape(key queue.Lane, b *Base, st *state, now time.Time) *Shaped {
	q, d := *b.Queue, *b.Delivery
	out := &Shaped{Queue: &q, Delivery: &d}
	for i := range s.knobs {
		k := &s.knobs[i]
		v := s.value(k, key, b, st)
		if v.now == k.get(b) {
			continue
		}
		if k.set != nil {
			k.set(out, v.now)
			continue
		}
		if st.limiter == nil || st.limited != v.now {
			st.limiter, st.limited = limiter(v.now), v.now
		}
		q.Messages = st.limiter
	}
	if h := st.hold(key, now); h != nil {
		q.Suspend, q.Hold = true, h
	}
	return out
}

// sortLanes orders lanes for the console.
func sortLanes(list []queue.Lane) {
	slices.SortFunc(list, func(a, b queue.Lane) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Binding, b.Binding), cmp.Compare(a.Domain, b.Domain))
	})
}
