package dialect

// cost is what gopher-lua's compiler will need where that grows faster than the
// source: it looks for each constant in a list of all those of its function, and
// folds the constants of a chain of operators anew from each of them.
type cost struct {
	afford func(steps int) bool
	steps  int
}

const tooCostly = "chunk takes too long to compile"

// constants are those of a function, and how often it names one.
type constants struct {
	known map[string]struct{}
	uses  int
}

// constant counts a constant of the function that is being read.
func (p *parser) constant(text string) {
	if p.cost == nil {
		return
	}
	c := &p.fs.constants
	if c.known == nil {
		c.known = map[string]struct{}{}
	}
	c.known[text] = struct{}{}
	c.uses++
}

// function counts what a function needs.
func (c *cost) function(f *funcState) {
	if c != nil {
		c.steps += f.constants.uses * len(f.constants.known) / 2
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

// settle tells what the whole needs, and whether that can be afforded.
func (c *cost) settle(main *funcState) bool {
	c.function(main)
	return c == nil || c.afford == nil || c.afford(c.steps)
}
