package luals

import (
	"encoding/json"
	"strings"

	"github.com/mtad/mtad/plugins/scriptlet/api"
)

// Files are the stubs by file name: one for each package, one for the callouts,
// and .luarc.json. library is where the stubs lie, as a policy's .luarc.json
// names it.
func Files(library string) (map[string]string, error) {
	packages := api.Merge(api.Packages())
	settings, err := luarc(library)
	if err != nil {
		return nil, err
	}
	files := map[string]string{".luarc.json": settings, "callouts.lua": callouts()}
	known := classNames(packages)
	for i := range packages {
		files[fileName(packages[i].Name)] = stub(&packages[i], known)
	}
	return files, nil
}

func fileName(pkg string) string {
	if pkg == "" {
		return "globals.lua"
	}
	return pkg + ".lua"
}

func classNames(packages []api.Package) map[string]bool {
	known := make(map[string]bool)
	for _, p := range packages {
		for _, c := range p.Classes {
			known[c.Name] = true
		}
	}
	return known
}

// luarc is the configuration of lua-language-server for a directory of
// policies. The language is Lua 5.1 with operators of its own, of which the
// server knows != and !; it would take the bit operators for mistakes.
func luarc(library string) (string, error) {
	b, err := json.MarshalIndent(map[string]any{
		"$schema":                   "https://raw.githubusercontent.com/LuaLS/vscode-lua/master/setting/schema.json",
		"runtime.version":           "Lua 5.1",
		"runtime.nonstandardSymbol": []string{"!", "!="},
		"runtime.builtin":           map[string]string{"io": "disable", "ffi": "disable", "jit": "disable", "bit": "disable"},
		"workspace.library":         []string{library},
		"workspace.checkThirdParty": false,
		"diagnostics.disable":       []string{"unsupport-symbol", "lowercase-global"},
	}, "", "  ")
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(b), "\n") + "\n", nil
}
