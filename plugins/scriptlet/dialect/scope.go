package dialect

// Bounds. The first two are Lua 5.1's own (LUAI_MAXCCALLS, LUAI_MAXVARS); the
// others keep the tree within what gopher-lua's compiler can take.
const (
	maxLevels     = 200    // nesting of expressions and blocks
	maxLocals     = 200    // in scope at once in a function
	maxChain      = 5000   // a+b+c..., f()()()..., elseif: nested in the tree, though not in the text
	maxRegisters  = 250    // locals and temporaries; instructions have 8 bits for one
	maxLabels     = 100000 // jump targets in a function; instructions have 18 bits for one
	maxPositional = 25500  // table items one constructor can store by index
)

// local is a local variable in scope.
type local struct {
	name     string
	captured bool // by a function inside
}

// scope is a block. start is how many locals were there before it, which is
// also the register its first one gets.
type scope struct {
	outer *scope
	start int
	loop  bool
}

// funcState is a function being parsed.
type funcState struct {
	outer      *funcState
	scope      *scope
	locals     []local
	temps      int // registers that hold intermediate values, an upper bound
	labels     int
	vararg     bool
	line       int    // of the word function; 0 is the main chunk
	pending    string // the name that `local NAME = function` is about to declare
	pendingHit bool   // ... and the function on the right used the name
}

func (f *funcState) find(name string) int {
	for i := len(f.locals) - 1; i >= 0; i-- {
		if f.locals[i].name == name {
			return i
		}
	}
	return -1
}

// use notes that a name is used where f is the innermost function.
func (f *funcState) use(name string) {
	if f.find(name) >= 0 {
		return
	}
	for o := f.outer; o != nil; o = o.outer {
		if o.pending == name {
			o.pendingHit = true
		}
		if i := o.find(name); i >= 0 {
			o.locals[i].captured = true
			return
		}
	}
}

// breakClose says whether a break leaves blocks, below the loop's own, with
// locals that a closure holds, and the register to close from.
func (f *funcState) breakClose() (register int, needed bool) {
	inner := len(f.locals)
	for s := f.scope; s != nil; s = s.outer {
		if s.loop {
			for _, v := range f.locals[inner:] {
				needed = needed || v.captured
			}
			return s.start, needed
		}
		inner = s.start
	}
	return 0, false
}

func (p *parser) openScope(loop bool) {
	p.fs.scope = &scope{outer: p.fs.scope, start: len(p.fs.locals), loop: loop}
}

func (p *parser) closeScope() {
	s := p.fs.scope
	p.fs.locals = p.fs.locals[:s.start]
	p.fs.scope = s.outer
}

// declare brings names into scope.
func (p *parser) declare(names ...string) {
	if len(p.fs.locals)+len(names) > maxLocals {
		p.fail(p.prev, "%s has more than %d local variables", p.fs.title(), maxLocals)
		return
	}
	for _, n := range names {
		p.fs.locals = append(p.fs.locals, local{name: n})
	}
}

func (f *funcState) title() string {
	if f.line == 0 {
		return "main function"
	}
	return "function at line " + itoa(f.line)
}

// hold counts n registers that keep values while more is parsed; the caller
// restores fs.temps.
func (p *parser) hold(n int) {
	p.fs.temps += n
	if p.fs.temps+len(p.fs.locals) > maxRegisters {
		p.fail(p.tok, "function or expression too complex near '%s'", p.quote(p.tok))
	}
}

// label counts jump targets.
func (p *parser) label(n int) {
	if p.fs.labels += n; p.fs.labels > maxLabels {
		p.fail(p.tok, "%s has too many branches", p.fs.title())
	}
}
