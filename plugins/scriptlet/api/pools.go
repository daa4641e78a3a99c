package api

import (
	"slices"
	"strings"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// pool is a predefined thread pool of the original (reference/lua-api-notes.md
// 58). mtad has none: what waits lets others go on. The names and numbers are
// those that scripts pass.
type pool struct {
	name    string
	class   int
	threads int
}

func predefinedPools() []pool {
	return []pool{
		{"CPU", 0, 4}, {"IO", 1, 50}, {"SwapOut", 2, 5}, {"SwapIn", 3, 5}, {"Close", 4, 0}, {"Unlink", 5, 6},
		{"Batch_Unlink", 6, 4}, {"SpoolIn", 7, 1}, {"Async_Bounce", 8, 1}, {"Sieve_IO", 9, 1},
	}
}

// configuredClass is the number of the first pool that a configuration defines.
const configuredClass = 100

// pools are those of a configuration.
func pools(names []string) []pool {
	list := predefinedPools()
	for i, name := range names {
		if !slices.ContainsFunc(list, func(p pool) bool { return strings.EqualFold(p.name, name) }) {
			list = append(list, pool{name: name, class: configuredClass + i})
		}
	}
	return list
}

// findPool finds a pool by its name or number.
func findPool(e *Env, v lua.LValue) (pool, bool) {
	for _, p := range pools(e.World.Config().Pools) {
		switch v := v.(type) {
		case lua.LString:
			if strings.EqualFold(p.name, string(v)) {
				return p, true
			}
		case lua.LNumber:
			if p.class == int(v) {
				return p, true
			}
		}
	}
	return pool{}, false
}

// poolUse counts what ran in the pools of one interpreter.
type poolUse struct {
	mu      sync.Mutex
	byClass map[int]*poolCount
}

type poolCount struct {
	calls, running, queued int
	spent                  time.Duration
}

func (u *poolUse) count(class int, change func(c *poolCount)) poolCount {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byClass == nil {
		u.byClass = make(map[int]*poolCount)
	}
	if u.byClass[class] == nil {
		u.byClass[class] = &poolCount{}
	}
	if change != nil {
		change(u.byClass[class])
	}
	return *u.byClass[class]
}

// poolPackage is msys.threadpool.
func poolPackage() Package {
	const name = "msys.threadpool"
	which := []Param{{Name: "pool", Type: StringOrNumber}}
	p := Package{
		Name: name, Doc: "The thread pools that msys.runInPool knows. They are names: mtad runs what they are given beside other sessions, whatever the pool.",
		Funcs: []Func{
			{Name: "count", Returns: "number", Phases: "any", Since: "3.2", Doc: "How many pools there are.", Example: `local n = msys.threadpool.count()`,
				Do: func(e *Env, L *lua.LState) int { return pushNumber(L, len(pools(e.World.Config().Pools))) }},
			{Name: "find", Params: which, Returns: "number | string | nil", Phases: "any", Since: "3.2",
				Doc: "A pool's number by its name, or its name by its number.", Example: `msys.threadpool.find("IO") -- 1`, Do: poolFind},
			{Name: "stat", Params: which, Returns: "table | nil", Phases: "any", Since: "3.2",
				Doc: "What ran in a pool from this interpreter; tostring gives it as text.", Example: `local s = msys.threadpool.stat("IO"); print(s.invocations)`, Do: poolStat},
		},
	}
	p.Consts = jobClasses()
	return p
}

// jobClasses are the numbers of the predefined pools, which msys.core has too.
func jobClasses() []Const {
	list := []Const{{"ECTP_CLASS_SHORT_LIVED", lua.LNumber(-1), "Short work; no pool of its own."}}
	for i, c := range []string{"CPU", "IO", "SWAPOUT", "SWAPIN", "CLOSE", "UNLINK", "BATCH_UNLINK", "SPOOL_IN", "ASYNC_BOUNCE", "SIEVE_IO"} {
		list = append(list, Const{"ECTP_CLASS_" + c, lua.LNumber(i), "The number of a pool."})
	}
	return list
}

func jobClassConsts() Package { return Package{Name: "msys.core", Consts: jobClasses()} }

func poolFind(e *Env, L *lua.LState) int {
	p, ok := findPool(e, L.Get(1))
	switch {
	case !ok:
		return pushNil(L)
	case L.Get(1).Type() == lua.LTNumber:
		return pushString(L, p.name)
	}
	return pushNumber(L, p.class)
}

func poolStat(e *Env, L *lua.LState) int {
	p, ok := findPool(e, L.Get(1))
	if !ok {
		return pushNil(L)
	}
	c := supportOf(L).pools.count(p.class, nil)
	t := L.CreateTable(0, 11)
	t.RawSetString("name", lua.LString(p.name))
	set := func(name string, v float64) { t.RawSetString(name, lua.LNumber(v)) }
	set("invocations", float64(c.calls))
	set("num_threads", float64(p.threads))
	set("num_active_threads", float64(c.running))
	set("num_inactive_threads", float64(max(p.threads-c.running, 0)))
	set("job_num_queued", float64(c.queued))
	set("job_num_running", float64(c.running))
	set("queue_sz", float64(c.queued))
	set("avg_concurrency", float64(c.running))
	set("saturation", float64(c.running)/float64(max(p.threads, 1)))
	set("avg_wallclock_time_per_op", c.spent.Seconds()/float64(max(c.calls, 1)))
	mt := L.CreateTable(0, 1)
	mt.RawSetString("__tostring", L.NewFunction(func(L *lua.LState) int {
		d := dumper{e: e, L: L, inside: make(map[*lua.LTable]bool)}
		d.table(L.CheckTable(1), 0)
		return pushString(L, d.out.String())
	}))
	L.SetMetatable(t, mt)
	L.Push(t)
	return 1
}

func runInPoolFunc() Func {
	return Func{
		Name: "runInPool",
		Params: []Param{
			{Name: "pool", Type: StringOrNumber},
			{Name: "fn", Type: Function},
			{Name: "async_or_completion", Type: Any, Optional: true},
			{Name: "mode", Type: Number, Optional: true},
		},
		Returns: "true and the results, or false and the error; nothing when asynchronous",
		Phases:  "any",
		Since:   "3.0",
		Doc: "Runs fn and answers like pcall; with true or a completion function, after the caller has returned. " +
			"The pool must be one of the predefined or a threadpool of the configuration; what waits lets other sessions run whatever it is.",
		Example: `local ok, text = msys.runInPool("IO", function() return msys.readfile("/etc/motd") end)`,
		Do:      doRunInPool,
	}
}

func doRunInPool(e *Env, L *lua.LState) int {
	p, ok := findPool(e, L.Get(1))
	if !ok {
		L.RaiseError("msys.runInPool: there is no thread pool %q (threadpool %q {} in the configuration defines one)", Text(L, L.Get(1)), Text(L, L.Get(1)))
	}
	fn, use := L.ToFunction(2), &supportOf(L).pools
	switch third := L.Get(3).(type) {
	case *lua.LFunction:
		e.later(L, p, fn, third)
		return 0
	case lua.LBool:
		if bool(third) {
			e.later(L, p, fn, nil)
			return 0
		}
	}
	pcall, ok := L.G.Global.RawGetString("pcall").(*lua.LFunction)
	if !ok {
		L.RaiseError("pcall is gone")
	}
	began := e.World.Now()
	use.count(p.class, func(c *poolCount) { c.calls, c.running = c.calls+1, c.running+1 })
	defer func() {
		use.count(p.class, func(c *poolCount) { c.running, c.spent = c.running-1, c.spent+e.World.Now().Sub(began) })
	}()
	L.SetTop(0)
	L.Push(pcall)
	L.Push(fn)
	L.Call(1, lua.MultRet)
	return L.GetTop()
}

// later runs fn, and then with its results the completion if there is one, when
// the caller has returned.
func (e *Env) later(L *lua.LState, p pool, fn, completion *lua.LFunction) {
	use, began := &supportOf(L).pools, e.World.Now()
	use.count(p.class, func(c *poolCount) { c.calls, c.queued = c.calls+1, c.queued+1 })
	e.World.Go(L, L.NewFunction(func(L *lua.LState) int {
		use.count(p.class, func(c *poolCount) { c.queued, c.running = c.queued-1, c.running+1 })
		defer func() {
			use.count(p.class, func(c *poolCount) { c.running, c.spent = c.running-1, c.spent+e.World.Now().Sub(began) })
		}()
		if completion == nil {
			L.Push(fn)
			L.Call(0, 0)
			return 0
		}
		L.Push(completion)
		L.Push(fn)
		L.Call(0, lua.MultRet)
		L.Call(L.GetTop()-1, 0)
		return 0
	}))
}
