package core

import (
	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// FullSchema is what a configuration may hold with these modules in the binary.
func FullSchema(builtin []Builtin) *option.Schema {
	return Schema(moduleSchemas(&conf.Tree{Root: &option.Scope{}}, builtin))
}

// Verify is Check without the modules and their scripts: it says by place what
// the server does not take, and what it takes and is surely a mistake.
func Verify(o Options) (refused conf.Diagnostics, mistakes []sdk.Problem) {
	c := &Core{opt: o}
	s, refused, err := c.read()
	if err != nil || len(refused) > 0 {
		return refused, nil // without online changes there is no error
	}
	return nil, s.openRelays()
}
