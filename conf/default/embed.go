// Package shipped is what comes with the program: the Lua library that scripts
// find without any file, and a first configuration. It is read-only data.
//
// Next: conf.Sources finds scripts here after all directories.
package shipped

import (
	"embed"
	"io/fs"
)

//go:embed lua etc data
var files embed.FS

// Lua is the Lua library: msys.boot is msys/boot.lua in it.
func Lua() fs.FS { return sub("lua") }

// Etc has the configuration that an installation begins with, mtad.conf, and
// files that a configuration may include by name or copy: default_policy.conf,
// keyword_filter.txt.
func Etc() fs.FS { return sub("etc") }

// AdaptiveRules are the rules for adaptive delivery, as sdk/adaptive reads them.
func AdaptiveRules() []byte {
	text, err := files.ReadFile("data/adaptive_rules.json")
	if err != nil { // it is embedded
		return []byte("{}")
	}
	return text
}

// sub cannot fail: fs.Sub refuses only names that are no valid path.
func sub(dir string) fs.FS {
	part, err := fs.Sub(files, dir)
	if err != nil {
		return files
	}
	return part
}
