package core

import (
	"strconv"
	"time"

	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/core/metrics"
	"github.com/mtad/mtad/core/modules"
	"github.com/mtad/mtad/core/spool"
	"github.com/mtad/mtad/sdk"
)

// meters are the metrics that are counted event by event.
type meters struct {
	received      *metrics.Counts // protocol
	rejected      *metrics.Counts // code, phase
	attempts      *metrics.Counts // binding, outcome
	delivery      *metrics.Times
	scripts       *metrics.Times  // script, hook
	scriptErrors  *metrics.Counts // script, hook
	modules       *metrics.Times  // module
	moduleErrors  *metrics.Counts // module
	commits       *metrics.Times
	commitErrors  *metrics.Counts
	requests      *metrics.Counts // status
	requestTime   *metrics.Times
	accountedAuth *metrics.Counts // outcome
}

// Buckets of histograms, in seconds.
func fastBuckets() []float64 {
	return []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60}
}

func slowBuckets() []float64 {
	return []float64{.01, .05, .1, .5, 1, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400, 432000}
}

func newMeters() *meters {
	return &meters{
		received:      metrics.NewCounts("received_messages_total", "Messages accepted, one for each recipient.", "protocol"),
		rejected:      metrics.NewCounts("rejections_total", "Commands and messages refused.", "code", "phase"),
		attempts:      metrics.NewCounts("delivery_attempts_total", "Attempts to deliver a message, by what they came to.", "binding", "outcome"),
		delivery:      metrics.NewTimes("delivery_seconds", "From the reception of a message to its delivery.", slowBuckets()),
		scripts:       metrics.NewTimes("script_seconds", "Time in a script's callout, waits included.", fastBuckets(), "script", "hook"),
		scriptErrors:  metrics.NewCounts("script_errors_total", "Callouts that failed.", "script", "hook"),
		modules:       metrics.NewTimes("module_call_seconds", "Time in a call of a module, waits included.", fastBuckets(), "module"),
		moduleErrors:  metrics.NewCounts("module_call_errors_total", "Calls of a module that got no answer.", "module"),
		commits:       metrics.NewTimes("spool_commit_seconds", "Time until a transaction was on the disk.", fastBuckets()),
		commitErrors:  metrics.NewCounts("spool_commit_errors_total", "Transactions that could not be made durable."),
		requests:      metrics.NewCounts("http_requests_total", "Requests answered by http_listener.", "status"),
		requestTime:   metrics.NewTimes("http_request_seconds", "Time in a request to http_listener.", fastBuckets()),
		accountedAuth: metrics.NewCounts("authentications_total", "Attempts to authenticate that the acctlog has.", "outcome"),
	}
}

func (m *meters) list() []metrics.Metric {
	return []metrics.Metric{
		m.received, m.rejected, m.attempts, m.delivery, m.scripts, m.scriptErrors, m.modules, m.moduleErrors,
		m.commits, m.commitErrors, m.requests, m.requestTime, m.accountedAuth,
	}
}

// ran is validate.Validator's Scripts.
func (m *meters) ran(h sdk.Hook, list []sdk.ScriptTime) {
	for i := range list {
		m.scripts.Observe(list[i].Took, list[i].Script, h.String())
		if list[i].Failed {
			m.scriptErrors.Add(list[i].Script, h.String())
		}
	}
}

// called is validate.Validator's Called.
func (m *meters) called(module string, took time.Duration, failed bool) {
	m.modules.Observe(took, module)
	if failed {
		m.moduleErrors.Add(module)
	}
}

// attempt counts what a delivery attempt came to.
func (m *meters) attempt(outcome string, a *logs.Attempt) {
	m.attempts.Add(a.Binding, outcome)
	if outcome == outcomeDelivered {
		m.delivery.Observe(a.Now.Sub(a.Message.Received))
	}
}

// Outcomes of an attempt, as labels.
const (
	outcomeDelivered = "delivered"
	outcomeTransient = "transient"
	outcomeFailed    = "failed"
)

// committed counts a commit of the spool.
func (m *meters) committed(took time.Duration, err error) {
	if err != nil {
		m.commitErrors.Add()
		return
	}
	m.commits.Observe(took)
}

// answered writes a request's record and counts it.
func (c *Core) answered(r *logs.HTTPRequest) {
	c.meters.requests.Add(strconv.Itoa(r.Status))
	c.meters.requestTime.Observe(r.Took)
	c.logs.HTTPRequest(r)
}

// account writes an attempt to authenticate to the acctlog and counts it.
func (c *Core) account(a *logs.Authentication) {
	outcome := "fail"
	switch {
	case a.TimedOut:
		outcome = "timeout"
	case a.OK:
		outcome = "pass"
	}
	c.meters.accountedAuth.Add(outcome)
	c.logs.Authentication(a)
}

// levels are the metrics with labels that are read when they are asked for.
func (c *Core) levels() []metrics.Metric {
	return []metrics.Metric{
		metrics.Levels{Name: "queue_messages", Help: "Messages in the queue.", Labels: []string{"binding", "state"}, Read: c.readQueues},
		metrics.Levels{Name: "queue_age_messages", Help: "Messages in the queue by age: up to so many seconds, and older than the band before.", Labels: []string{"age"}, Read: c.readAges},
		metrics.Levels{Name: "module_restarts_total", Help: "Restarts of modules that died.", Total: true, Labels: []string{"module"}, Read: c.readModules(func(s *modules.Status) float64 { return float64(s.Restarts) })},
		metrics.Levels{Name: "module_up", Help: "1 where a module runs, 0 while it is being started again.", Labels: []string{"module"}, Read: c.readModules(func(s *modules.Status) float64 {
			if s.State == modules.Running {
				return 1
			}
			return 0
		})},
		metrics.Levels{Name: "build_info", Help: "1, with the version that runs.", Labels: []string{"version"}, Read: func(set func(float64, ...string)) { set(1, c.opt.Version) }},
	}
}

func (c *Core) readQueues(set func(float64, ...string)) {
	for _, s := range c.queue.Sizes() {
		set(float64(s.Active), s.Binding, "active")
		set(float64(s.Delayed), s.Binding, "delayed")
	}
}

func (c *Core) readAges(set func(float64, ...string)) {
	_, bands := c.queue.Ages()
	for _, b := range bands {
		name := "older"
		if b.Limit > 0 {
			name = strconv.Itoa(int(b.Limit.Seconds()))
		}
		set(float64(b.Messages), name)
	}
}

func (c *Core) readModules(pick func(*modules.Status) float64) func(func(float64, ...string)) {
	return func(set func(float64, ...string)) {
		for _, s := range c.modules.List() {
			set(pick(&s), s.Name)
		}
	}
}

// spoolFigures are the spool's.
func (c *Core) spoolFigures() []metrics.Metric {
	stat := func(name, help string, total bool, pick func(*spool.Stats) int64) metrics.Metric {
		return metrics.Figure{Name: name, Help: help, Total: total, Value: func() float64 {
			s := c.spool.Stats()
			return float64(pick(&s))
		}}
	}
	return []metrics.Metric{
		stat("spool_live_bytes", "What the messages of the spool need.", false, func(s *spool.Stats) int64 { return s.LiveBytes }),
		stat("spool_disk_bytes", "What the spool occupies.", false, func(s *spool.Stats) int64 { return s.DiskBytes }),
		stat("spool_free_bytes", "What is left on the spool's disk.", false, func(s *spool.Stats) int64 { return s.FreeBytes }),
		stat("spool_waiting_commits", "Transactions that wait for the disk.", false, func(s *spool.Stats) int64 { return int64(s.Queued) }),
		stat("spool_syncs_total", "Calls of fdatasync.", true, func(s *spool.Stats) int64 { return s.Syncs }),
		stat("spool_sync_errors_total", "Calls of fdatasync that failed.", true, func(s *spool.Stats) int64 { return s.SyncErrors }),
		stat("spool_damaged_total", "Damaged places seen in the spool.", true, func(s *spool.Stats) int64 { return s.Damaged }),
	}
}
