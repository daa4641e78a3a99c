package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/mtad/mtad/plugins/scriptlet/api"
)

// apiCommand lists the Lua API.
type apiCommand struct {
	JSON bool `help:"As a JSON array." name:"json"`
	TSV  bool `help:"Tab-separated, with a line of column names." name:"tsv"`
}

// Run is called by kong.
func (c *apiCommand) Run(s *streams) error {
	rows := api.Conformance()
	switch {
	case c.JSON:
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	case c.TSV:
		fmt.Fprintln(s.out, "kind\tpackage\tname\tstatus\twhy")
		for _, r := range rows {
			fmt.Fprintf(s.out, "%s\t%s\t%s\t%s\t%s\n", r.Kind, r.Package, r.Name, r.Status, r.Why)
		}
		return nil
	}
	w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Kind, r.Package, r.Name, r.Status, r.Why)
	}
	return w.Flush()
}
