package api

import (
	_ "embed"
	"strings"
)

// documentedTSV lists every name of the compatible surface
// (reference/lua-api.tsv): kind, package, name and tier, under a heading.
//
//go:generate go run ./gen -dir ../../../docs/lua
//go:embed documented.tsv
var documentedTSV string

// documented is one name of the original's documentation.
type documented struct {
	kind string // hook, function, method, field, constant, macro
	pkg  string // as the reference has it: "msys (no require)"
	name string // "msys.pcre.match", "msg:header", "%{KEY}"
	tier string // S, A, B, C: how soon mtad should have it
}

func documentedNames() []documented {
	lines := strings.Split(strings.TrimSpace(documentedTSV), "\n")[1:]
	list := make([]documented, 0, len(lines))
	for _, line := range lines {
		if f := strings.Split(line, "\t"); len(f) == 4 {
			list = append(list, documented{f[0], f[1], f[2], f[3]})
		}
	}
	return list
}

// owner is the name that require takes: the reference adds remarks to some.
func (d *documented) owner() string {
	name, _, _ := strings.Cut(d.pkg, " ")
	if name == "_G" {
		return ""
	}
	return name
}

// member splits a method or field of an object: "msg:header", "cc.argc",
// "jsonobj.__len". class is "" where mtad has no such object.
func (d *documented) member() (class, name string) {
	i := strings.IndexByte(d.name, ':')
	if i < 0 {
		i = strings.IndexByte(d.name, '.')
	}
	if i < 0 {
		return "", ""
	}
	return receiverClass(d.name[:i]), d.name[i+1:]
}

// receiverClass is the class of the object that the documentation calls by this
// name.
func receiverClass(receiver string) string {
	switch receiver {
	case "msg":
		return classMessage
	case "msgpart":
		return classPart
	case "vctx", "mc.ctx":
		return classContext
	case "ac":
		return classAccept
	case "mc":
		return classSession
	case "cc":
		return ClassCommand
	case "ec_string":
		return classString
	case "dr":
		return classRecord
	case "now":
		return classTime
	case "timer":
		return classTimer
	case "mutex":
		return classMutex
	case "condition":
		return classCondition
	case "rwlock":
		return classRWLock
	case "thread":
		return classThread
	case "buffer":
		return classBuffer
	case "jsonobj":
		return classJSON
	case "client":
		return classHTTPClient
	case "statvfs":
		return classStatvfs
	case "c":
		return classCurl
	case "doc":
		return classXMLDoc
	case "node":
		return classXMLNode
	case "io_object":
		return classIO
	}
	return ""
}

// notYet is why most of what is missing is missing.
const notYet = "it is not written yet"

// complete adds to the packages what they are documented to have and lack:
// functions and methods that raise when they are called.
func complete(packages []Package) []Package {
	have := newIndex(packages, nil)
	added := make(map[string]*Package)
	piece := func(name string) *Package {
		if added[name] == nil {
			added[name] = &Package{Name: name, Preload: have.preloaded[name]}
		}
		return added[name]
	}
	var order []string
	for _, d := range documentedNames() {
		if pkg, f, ok := have.lacking(&d); ok {
			if added[pkg] == nil {
				order = append(order, pkg)
			}
			piece(pkg).Funcs = append(piece(pkg).Funcs, f)
		}
		if pkg, class, f, ok := have.lackingMethod(&d); ok {
			if added[pkg] == nil {
				order = append(order, pkg)
			}
			piece(pkg).addMethod(class, f)
		}
	}
	for _, name := range order {
		packages = append(packages, *added[name])
	}
	return packages
}

func (p *Package) addMethod(class string, f Func) {
	for i := range p.Classes {
		if p.Classes[i].Name == class {
			p.Classes[i].Methods = append(p.Classes[i].Methods, f)
			return
		}
	}
	p.Classes = append(p.Classes, Class{Name: class, Methods: []Func{f}})
}

// unwritten is a function that is documented and not there.
func unwritten(d *documented, name string) Func {
	why := reasonFor(d.kind, d.name)
	if why == "" {
		why = notYet
	}
	return Func{Name: name, Returns: "nothing", Phases: "none", Doc: "mtad does not have it.", Status: Unsupported, Why: why}
}
