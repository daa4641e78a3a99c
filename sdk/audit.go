package sdk

import (
	"context"
	"time"
)

// Auditor is the part of Host that counts what comes in (msys.audit,
// msys.audit_series and msys.gauge_cache). The figures live in the core: they
// are the same for every module and interpreter, and survive a reload and a
// module's death.
type Auditor interface {
	// Traffic gives a figure of inbound SMTP. A monitor that inbound_audit does
	// not have is an error.
	Traffic(ctx context.Context, q *TrafficQuery) (int64, error)
	// Series works on a named series. SeriesCount gives a sum, the others 0. An
	// address of the other family has no counts, and gets none.
	Series(ctx context.Context, op *SeriesOp) (int64, error)
	// Gauge works on a gauge cache and gives the gauge's value.
	Gauge(ctx context.Context, op *GaugeOp) (int64, error)
}

// TrafficFigure is something that is counted of inbound SMTP.
type TrafficFigure uint8

// The figures.
const (
	TrafficConnections TrafficFigure = iota // connections made
	TrafficReceptions                       // messages received, one for each recipient
	TrafficRejections                       // commands and messages refused
	TrafficSessions                         // sessions open now
)

// TrafficQuery asks for a figure of a network. Sessions have no Monitor and no
// windows.
type TrafficQuery struct {
	Figure  TrafficFigure
	Monitor string // "60,1": 60 seconds a window, as inbound_audit has it
	Network string // "192.0.2.0/24"
	Start   int    // the first window; 0 is the current one
	End     int    // the last window
}

// SeriesType is what the keys of a series are.
type SeriesType uint8

// The types of msys.audit_series.define.
const (
	SeriesCIDR4  SeriesType = iota // IPv4 addresses
	SeriesCIDR6                    // IPv6 addresses
	SeriesString                   // any text
)

// Series says what a named series is. Two series that differ in any of it are
// different, whatever their name.
type Series struct {
	Name     string
	Type     SeriesType
	Interval time.Duration // of a window
	Windows  int           // how many are kept, the current one among them
	Persist  bool          // kept over a restart
}

// SeriesKind is an operation on a series.
type SeriesKind uint8

// The operations.
const (
	SeriesDefine SeriesKind = iota
	SeriesAdd
	SeriesCount
	SeriesRemove // a key and its counts
)

// SeriesOp is an operation on a series.
type SeriesOp struct {
	Kind   SeriesKind
	Series Series
	Key    string // text, or an address; SeriesCount takes a network too
	Delta  int64  // of SeriesAdd
	Start  int    // of SeriesCount: the first window; 0 is the current one
	End    int    // the last window
}

// GaugeKind is an operation on a gauge cache.
type GaugeKind uint8

// The operations.
const (
	GaugeGet GaugeKind = iota
	GaugeAdd
	GaugeRemove
)

// GaugeOp is an operation on the gauge Key of a cache, which is made where it
// is not there. Max and TTL bound the cache: the oldest gauge makes room for a
// new one, and a gauge goes TTL after its last change.
type GaugeOp struct {
	Kind  GaugeKind
	Cache string
	Key   string
	Delta int64
	Max   int
	TTL   time.Duration
}
