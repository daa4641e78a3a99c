package main

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// longFlags writes out what the original's eccfg lets its users shorten: any flag
// while it is unique, with one dash or two (reference/cluster.md §2). The manual
// prints them with long dashes, so these count, too.
func longFlags(eccfg *kong.Node, args []string) []string {
	known := flagNames(eccfg)
	for _, arg := range args {
		at := slices.IndexFunc(eccfg.Children, func(n *kong.Node) bool { return n.Name == arg })
		if at >= 0 {
			known = append(known, flagNames(eccfg.Children[at])...)
			break
		}
	}
	out := slices.Clone(args)
	for i, arg := range out {
		if arg == "--" {
			break
		}
		if strings.HasPrefix(arg, "-") || strings.HasPrefix(arg, "–") {
			out[i] = longFlag(arg, known)
		}
	}
	return out
}

func flagNames(n *kong.Node) []string {
	var out []string
	for _, f := range n.Flags {
		out = append(append(out, f.Name), f.Aliases...)
	}
	return out
}

// longFlag gives the one flag that arg begins; an arg that begins none or several
// is left to the parser, which says so.
func longFlag(arg string, known []string) string {
	name, value, valued := strings.Cut(strings.TrimLeft(arg, "-–"), "=")
	if name == "h" {
		return "--help"
	}
	var fits []string
	for _, k := range known {
		if k == name {
			fits = []string{k}
			break
		}
		if name != "" && strings.HasPrefix(k, name) {
			fits = append(fits, k)
		}
	}
	if len(fits) != 1 {
		return arg
	}
	if valued {
		return "--" + fits[0] + "=" + value
	}
	return "--" + fits[0]
}
