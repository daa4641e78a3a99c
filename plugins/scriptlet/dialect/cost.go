package dialect

// cost is what gopher-lua's compiler will need where that grows faster than the
// source: it looks for each constant in a list of all those of its function, and
// folds the constants of a chain of operators anew from each of them.
type cost struct {
	afford func(steps int) bool // nil: any
	steps  int
	line   int // of the function with which it became too much
}

const tooCostly = "chunk takes too long to compile"

// A script may be so long, in bytes, and need so many steps of 10 ns beside the
// reading: 5 s.
const (
	maxScript = 16 << 20
	maxSteps  = 5e8
)

// withinMax is the afford of a script.
func withinMax(steps int) bool { return steps <= maxSteps }

// fewConstants are not looked at one by one.
const fewConstants = 1000

// constants are those of a function: how often it names one, and those beyond the
// first few.
type constants struct {
	uses  int
	known map[string]struct{}
}

func (c *constants) add(text string) {
	if c.uses++; c.uses <= fewConstants {
		return
	}
	if c.known == nil {
		c.known = map[string]struct{}{}
	}
	c.known[text] = struct{}{}
}

// function counts what a function needs that begins on a line.
func (c *cost) function(f *constants, line int) {
	c.steps += f.uses * (min(f.uses, fewConstants) + len(f.known)) / 2
	if c.line == 0 && c.afford != nil && !c.afford(c.steps) {
		c.line = max(line, 1)
	}
}

// chain counts what a chain of n operators needs, and tells whether that can be
// afforded still.
func (c *cost) chain(n int) bool {
	if c == nil || n < 100 {
		return true
	}
	c.steps += n * n
	return c.afford == nil || c.afford(c.steps)
}
