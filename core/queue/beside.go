package queue

// maxBeside is how many messages are settled beside their lanes at a time;
// others wait for their turn.
const maxBeside = 64

// settle runs what ends a message's attempt. Where that asks modules it runs on
// a goroutine of its own, with a worker of its own: policy may take its time,
// and the lane goes on.
func (w *worker) settle(v Verdict, e *entry, end func(w *worker)) {
	if w.q.Asks == nil || !w.q.Asks(v) {
		end(w)
		return
	}
	delete(w.open, e.id)
	w.q.running.Add(1)
	go func() {
		defer w.q.running.Done()
		w.q.beside <- struct{}{}
		defer func() { <-w.q.beside }()
		end(&worker{q: w.q, lane: w.lane})
		w.q.mu.Lock()
		defer w.q.mu.Unlock()
		w.lane.wake()
		w.lane.tidy()
	}()
}

// attempting tells of a batch that is about to be attempted.
func (w *worker) attempting(b *Batch) {
	if w.q.Attempting == nil || w.lane.suspended() {
		return
	}
	for _, m := range b.Messages {
		w.q.Attempting(m)
	}
}
