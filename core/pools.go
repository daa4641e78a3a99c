package core

// poolOptions are a threadpool scope. mtad has no thread pools: what waits lets
// others go on whatever its pool is. The scope gives the pool its name, which
// msys.runInPool takes, and its options are those of published configurations.
type poolOptions struct {
	Concurrency int64 `opt:"concurrency" default:"0" help:"Threads of the pool; without effect."`
	Backlog     int64 `opt:"backlog" default:"0" help:"Jobs that may wait; without effect."`
	StackSize   int64 `opt:"stack_size" type:"bytes" default:"0" unit:"bytes" help:"Stack of a thread; without effect."`
}
