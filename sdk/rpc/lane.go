package rpc

import (
	"errors"
	"io"
	"sync"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
)

// endOf makes nothing of a peer's orderly end.
func endOf(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// lane runs what a module does in order: the steps of generations, and the
// ends of sessions between them. Ends that wait together are told together.
type lane struct {
	tell func([]sdk.SessionEnd)

	mu       sync.Mutex
	queue    []laneJob
	finished bool
	wake     chan struct{}
	done     chan struct{}
}

// laneJob is a function or ended sessions.
type laneJob struct {
	run  func()
	ends []sdk.SessionEnd
}

func newLane(tell func([]sdk.SessionEnd)) *lane {
	l := &lane{tell: tell, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go l.work()
	return l
}

func (l *lane) run(f func()) { l.add(laneJob{run: f}, false) }

// finish runs f last; the lane ends, and done is closed.
func (l *lane) finish(f func()) { l.add(laneJob{run: f}, true) }

func (l *lane) add(j laneJob, last bool) {
	l.mu.Lock()
	if !l.finished {
		l.queue = append(l.queue, j)
	}
	l.finished = l.finished || last
	l.mu.Unlock()
	l.nudge()
}

func (l *lane) ended(p *pb.SessionsEnded) {
	l.mu.Lock()
	if n := len(l.queue); n == 0 || l.queue[n-1].run != nil {
		l.queue = append(l.queue, laneJob{})
	}
	job := &l.queue[len(l.queue)-1]
	job.ends = endsFromPB(p, job.ends)
	l.mu.Unlock()
	l.nudge()
}

func (l *lane) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *lane) work() {
	defer close(l.done)
	for range l.wake {
		for {
			job, ok, finished := l.next()
			if !ok && finished {
				return
			}
			if !ok {
				break
			}
			if job.run != nil {
				job.run()
				continue
			}
			l.tell(job.ends)
		}
	}
}

func (l *lane) next() (job laneJob, ok, finished bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return laneJob{}, false, l.finished
	}
	job = l.queue[0]
	l.queue[0] = laneJob{}
	l.queue = l.queue[1:]
	return job, true, false
}
