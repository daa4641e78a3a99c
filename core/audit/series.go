package audit

import (
	"cmp"
	"container/list"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/mtad/mtad/sdk"
)

// Bounds of the named series.
const (
	maxSeries   = 1000
	seriesNodes = 200_000 // networks of one series
	seriesKeys  = 100_000 // keys of one series of strings
)

// maxValues bounds the counts that one monitor or series keeps: where there is
// much history, there are fewer networks or keys.
const maxValues = 16 << 20

// within is how many records of a shape may be kept, most at the most.
func (s *shape) within(most int) int {
	return max(min(most, maxValues/(s.count*s.figures)), minNetworks)
}

// allSeries are the named series that scripts define.
type allSeries struct {
	mu  sync.Mutex
	all map[sdk.Series]*series
}

// series is one of them: a tree where its keys are addresses, else a table.
type series struct {
	load sync.Once // of what was kept over a restart
	mu   sync.Mutex
	spec sdk.Series
	used int64 // when, in Unix seconds; the lock of allSeries guards it
	tree *tree
	keys *keyed
}

// newSeries makes an empty series.
func newSeries(spec sdk.Series) *series {
	s := shape{interval: int64(spec.Interval.Seconds()), count: spec.Windows, figures: 1}
	if spec.Type == sdk.SeriesString {
		return &series{spec: spec, keys: newKeyed(s, s.within(seriesKeys))}
	}
	return &series{spec: spec, tree: newTree(s, s.within(seriesNodes))}
}

// checkSeries judges what a series asks for.
func checkSeries(s *sdk.Series) error {
	switch seconds := s.Interval.Seconds(); {
	case s.Name == "" || len(s.Name) > 255 || strings.ContainsAny(s.Name, "/\x00\n") || s.Name[0] == '.':
		return fmt.Errorf("%q cannot be the name of a series", s.Name)
	case s.Type > sdk.SeriesString:
		return sdk.ErrNotSupported
	case seconds < 1 || seconds > maxInterval || float64(int64(seconds)) != seconds:
		return fmt.Errorf("the interval of series %s must be whole seconds, from 1 to %d", s.Name, maxInterval)
	case s.Windows < 1 || s.Windows > maxWindows:
		return fmt.Errorf("series %s must have 1 to %d windows", s.Name, maxWindows)
	}
	return nil
}

var errSeries = errors.New("there are too many series")

// open finds a series or makes it.
func (a *allSeries) open(spec sdk.Series, now int64) (*series, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.all[spec]; s != nil {
		s.used = now
		return s, nil
	}
	if err := checkSeries(&spec); err != nil {
		return nil, err
	}
	if len(a.all) >= maxSeries {
		a.forget(now)
	}
	if len(a.all) >= maxSeries {
		return nil, errSeries
	}
	if a.all == nil {
		a.all = map[sdk.Series]*series{}
	}
	s := newSeries(spec)
	s.used = now
	a.all[spec] = s
	return s, nil
}

// forget drops series that nobody used for so long that they are empty: earlier
// configurations left them.
func (a *allSeries) forget(now int64) {
	for spec, s := range a.all {
		if now-s.used > int64(spec.Windows+1)*int64(spec.Interval.Seconds()) {
			delete(a.all, spec)
		}
	}
}

// list gives the series there are, the one used last behind all others: of two
// that an earlier and the present configuration call by one name, it counts.
func (a *allSeries) list() []*series {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]*series, 0, len(a.all))
	for _, s := range a.all {
		out = append(out, s)
	}
	slices.SortFunc(out, func(x, y *series) int { return cmp.Compare(x.used, y.used) })
	return out
}

// do carries out an operation at now, in Unix seconds. A key that does not fit
// the series counts as absent.
func (s *series) do(op *sdk.SeriesOp, now int64) (int64, error) {
	if len(op.Key) > maxKey {
		return 0, errKey
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys != nil {
		switch op.Kind {
		case sdk.SeriesAdd:
			s.keys.add(op.Key, op.Delta, now)
		case sdk.SeriesCount:
			return s.keys.count(op.Key, now, op.Start, op.End), nil
		case sdk.SeriesRemove:
			s.keys.remove(op.Key)
		}
		return 0, nil
	}
	p, err := network(op.Key)
	if err != nil || !s.fits(p) {
		return 0, err
	}
	switch op.Kind {
	case sdk.SeriesAdd:
		s.tree.add(p, 0, op.Delta, now)
	case sdk.SeriesCount:
		return s.tree.count(p, 0, now, op.Start, op.End), nil
	case sdk.SeriesRemove:
		s.tree.remove(p)
	}
	return 0, nil
}

// fits reports a network of the series' family: a series is for one of them
// (the manual's warning at msys.audit_series.define).
func (s *series) fits(p netip.Prefix) bool {
	return p.Addr().Is4() == (s.spec.Type == sdk.SeriesCIDR4)
}

// sweep drops what is over.
func (s *series) sweep(now int64) {
	const some = 500
	for more := true; more; {
		s.mu.Lock()
		if s.keys != nil {
			more = s.keys.sweep(now, some)
		} else {
			more = s.tree.sweep(now, some)
		}
		s.mu.Unlock()
	}
}

// keyed counts by text. Where there are more than max keys, the one used longest
// ago goes.
type keyed struct {
	shape
	max  int
	keys map[string]*list.Element
	age  list.List
}

type keyCount struct {
	key    string
	record record
}

func newKeyed(s shape, max int) *keyed {
	return &keyed{shape: s, max: max, keys: map[string]*list.Element{}}
}

func (k *keyed) add(key string, delta, now int64) {
	e := k.make(key, k.window(now))
	r := &e.Value.(*keyCount).record
	k.turn(r, k.window(now))
	r.values[k.at(0, r.newest)] += delta
}

func (k *keyed) make(key string, window int64) *list.Element {
	if e := k.keys[key]; e != nil {
		k.age.MoveToFront(e)
		return e
	}
	for len(k.keys) >= k.max {
		k.drop(k.age.Back())
	}
	e := k.age.PushFront(&keyCount{key, k.shape.record(window)})
	k.keys[key] = e
	return e
}

func (k *keyed) count(key string, now int64, start, end int) int64 {
	e := k.keys[key]
	if e == nil {
		return 0
	}
	return k.sum(&e.Value.(*keyCount).record, 0, k.window(now), start, end)
}

func (k *keyed) remove(key string) {
	if e := k.keys[key]; e != nil {
		k.drop(e)
	}
}

func (k *keyed) drop(e *list.Element) {
	k.age.Remove(e)
	delete(k.keys, e.Value.(*keyCount).key)
}

// sweep drops keys whose windows are over, at most limit of them, and tells
// whether there may be more.
func (k *keyed) sweep(now int64, limit int) bool {
	for range limit {
		e := k.age.Back()
		if e == nil || !k.expired(&e.Value.(*keyCount).record, k.window(now)) {
			return false
		}
		k.drop(e)
	}
	return true
}
