package core

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/core/modules"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// Builtin is a module in our own binary.
type Builtin struct {
	Name   string
	Rank   modules.Rank
	Schema option.Schema
	// Scopes, if set, are the module's top-level scopes in place of Schema: any
	// of them starts it, and it is given all of them.
	Scopes []option.Schema
	// Reads are scopes of other modules that this one is given too, behind its own.
	Reads []string
	// InCore says that the module always runs inside the core.
	InCore bool
	New    func() sdk.Module
	// Command runs it as a process of its own.
	Command []string
	// Procs gives the GOMAXPROCS of that process from the module's scopes; nil:
	// one (design section 4: a quarter less CPU than all cores for one).
	Procs func(scopes []option.Scope) int
}

// moduleSchemas are the schemas of the top-level scopes that belong to modules: the built-in
// ones', and those of each third-party module that a module scope declares.
func moduleSchemas(tree *conf.Tree, builtin []Builtin) []option.Schema {
	var list []option.Schema
	for _, b := range builtin {
		if b.Scopes != nil {
			list = append(list, b.Scopes...)
			continue
		}
		list = append(list, b.Schema)
	}
	for _, m := range tree.Root.Children("module") {
		list = append(list, option.Schema{Name: strings.ToLower(m.Instance), Open: true, Help: "A third-party module's own scope."})
	}
	return list
}

// moduleConfigs are the modules that a configuration has, in file order: what
// each is, and what it is given.
func (c *Core) moduleConfigs(s *settings) ([]modules.ModuleConfig, option.Problems) {
	base := sdk.Config{Hostname: s.globals.Hostname, Bindings: s.bindings.Names()}
	for _, g := range s.tree.Layers.Groups() {
		base.BindingGroups = append(base.BindingGroups, sdk.Group{Name: g.Name, Bindings: g.Bindings})
	}
	for _, d := range s.tree.Root.Children("datasource") {
		base.Datasources = append(base.Datasources, d.Instance)
	}
	for _, p := range s.tree.Root.Children("threadpool") {
		base.Pools = append(base.Pools, p.Instance)
	}
	var list []modules.ModuleConfig
	var bad option.Problems
	for _, spec := range c.specs(s.tree, &bad) {
		cfg := base
		cfg.Scopes = c.scopesOf(s.tree.Root, spec.Name)
		list = append(list, modules.ModuleConfig{Spec: spec, Config: cfg})
	}
	return list, bad
}

// specs lists the modules in the order in which their first scope stands in the
// configuration: that is the order their hooks run in.
func (c *Core) specs(tree *conf.Tree, bad *option.Problems) []modules.Spec {
	var list []modules.Spec
	seen := map[string]bool{}
	for i := range tree.Root.Scopes {
		scope := &tree.Root.Scopes[i]
		name := scope.Name
		if name == "module" {
			spec, problem := thirdParty(scope)
			if problem != nil {
				*bad = append(*bad, *problem)
			} else if !seen[spec.Name] {
				seen[spec.Name] = true
				list = append(list, spec)
			}
			continue
		}
		b := c.builtin(name)
		if b == nil || seen[b.Name] {
			continue
		}
		seen[b.Name] = true
		scopes := c.scopesOf(tree.Root, b.Name)
		spec := modules.Spec{Name: b.Name, Rank: b.Rank, Command: b.Command, Procs: 1, New: b.New, InCore: b.InCore || isolatedInCore(scopes)}
		if b.Procs != nil {
			spec.Procs = b.Procs(scopes)
		}
		list = append(list, spec)
	}
	return list
}

func (c *Core) builtin(name string) *Builtin {
	for i := range c.opt.Builtin {
		if c.opt.Builtin[i].has(name) {
			return &c.opt.Builtin[i]
		}
	}
	return nil
}

// has reports whether a top-level scope of that name is the module's.
func (b *Builtin) has(scope string) bool {
	if b.Scopes == nil {
		return b.Name == scope
	}
	return slices.ContainsFunc(b.Scopes, func(s option.Schema) bool { return s.Name == scope })
}

// scopesOf are the scopes a module is given: its own in file order, then those of
// others that it reads.
func (c *Core) scopesOf(root *option.Scope, module string) []option.Scope {
	i := slices.IndexFunc(c.opt.Builtin, func(b Builtin) bool { return b.Name == module })
	if i < 0 {
		return childScopes(root, module)
	}
	b := &c.opt.Builtin[i]
	var own, others []option.Scope
	for _, s := range root.Scopes {
		if b.has(s.Name) {
			own = append(own, s)
		} else if slices.Contains(b.Reads, s.Name) {
			others = append(others, s)
		}
	}
	return append(own, others...)
}

func childScopes(root *option.Scope, name string) []option.Scope {
	var out []option.Scope
	for _, s := range root.Children(name) {
		out = append(out, *s)
	}
	return out
}

// isolatedInCore reads the isolation option; the last scope that sets it counts.
func isolatedInCore(scopes []option.Scope) bool {
	in := false
	for i := range scopes {
		if a, ok := scopes[i].Attr("isolation"); ok {
			in = strings.EqualFold(a.Value.Text, "core")
		}
	}
	return in
}

// thirdParty reads a module scope. A program without a checksum is not started:
// it runs with our rights and sees all mail.
func thirdParty(scope *option.Scope) (modules.Spec, *option.Problem) {
	var o moduleOptions
	if bad := option.Decode(scope, &o); len(bad) > 0 {
		return modules.Spec{}, &bad[0]
	}
	at := func(format string, args ...any) *option.Problem {
		return &option.Problem{Pos: scope.Pos, Text: fmt.Sprintf(format, args...)}
	}
	if !filepath.IsAbs(o.Path) {
		return modules.Spec{}, at("module %q: path must be the absolute path of a program", o.Name)
	}
	st, err := os.Stat(o.Path)
	if err != nil {
		return modules.Spec{}, at("module %q: %v", o.Name, err)
	}
	if st.IsDir() || st.Mode()&0o111 == 0 {
		return modules.Spec{}, at("module %q: %s is not an executable file", o.Name, o.Path)
	}
	if sum, err := hex.DecodeString(o.SHA256); err != nil || len(sum) != 32 {
		return modules.Spec{}, at("module %q: sha256 must be the program's checksum, 64 hexadecimal digits (sha256sum %s)", o.Name, o.Path)
	}
	return modules.Spec{
		Name: strings.ToLower(o.Name), Rank: modules.RankThirdParty,
		Command: append([]string{o.Path}, o.Args...), SHA256: o.SHA256,
	}, nil
}
