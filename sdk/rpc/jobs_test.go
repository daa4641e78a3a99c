package rpc

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
)

func TestJobs(t *testing.T) {
	j := newJobs()
	taken, ended, stopped := j.begin(1, 0), j.begin(2, 60e6), j.begin(3, maxTimeoutUS)
	if _, ok := taken.Deadline(); ok || taken.Err() != nil {
		t.Error("a question without a timeout has one")
	}
	if d, ok := ended.Deadline(); !ok || time.Until(d) > time.Minute {
		t.Errorf("deadline %v, %v", d, ok)
	}
	if _, ok := stopped.Deadline(); ok {
		t.Error("a timeout of a day is one")
	}
	done := taken.Done()
	j.end(1)
	j.end(1)
	j.end(2)
	j.stop()
	late := j.begin(4, 0)
	<-done
	for i, one := range []*job{taken, ended, stopped, late} {
		<-one.Done()
		if !errors.Is(one.Err(), context.Canceled) {
			t.Errorf("job %d: %v", i, one.Err())
		}
	}
}

func TestJobDeadline(t *testing.T) {
	waits, asks := newJobs().begin(1, 1), newJobs().begin(1, 1)
	<-waits.Done()
	for asks.Err() == nil {
		runtime.Gosched()
	}
	<-asks.Done()
	for _, one := range []*job{waits, asks} {
		if !errors.Is(one.Err(), context.DeadlineExceeded) {
			t.Error(one.Err())
		}
	}
}

// Contexts that are derived from a job end with it, and stop listening when
// they end before it.
func TestJobsChildren(t *testing.T) {
	j := newJobs()
	one := j.begin(1, 0)
	child, cancel := context.WithTimeout(one, time.Hour)
	defer cancel()
	gone, cancelGone := context.WithCancel(one)
	called := make(chan struct{})
	context.AfterFunc(one, func() { close(called) })
	never := context.AfterFunc(one, func() { t.Error("it was stopped") })
	if !never() || never() {
		t.Error("stopping works once")
	}
	cancelGone()
	if len(one.after) != 2 {
		t.Errorf("%d listen to the job, want 2", len(one.after))
	}
	j.end(1)
	<-child.Done()
	<-called
	if !errors.Is(child.Err(), context.Canceled) || gone.Err() == nil {
		t.Error(child.Err(), gone.Err())
	}
	after := make(chan struct{})
	if stop := one.AfterFunc(func() { close(after) }); stop() {
		t.Error("a job that has ended calls at once")
	}
	<-after
}
