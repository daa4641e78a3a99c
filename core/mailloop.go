package core

import (
	"fmt"

	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/sdk/option"
)

// mailLoop takes the mail_loop scopes; the last one that is enabled counts. The
// machine's addresses are those of the moment.
func (s *settings) mailLoop(root *option.Scope) option.Problems {
	var bad option.Problems
	for _, scope := range root.Children("mail_loop") {
		o := &reception.LoopOptions{}
		bad = append(bad, option.Decode(scope, o)...)
		if class := o.Code / 100; class != 2 && class != 4 && class != 5 {
			bad = append(bad, option.Problem{Pos: posOf(scope, "code"), Text: fmt.Sprintf("code must be a reply code of 2xx, 4xx or 5xx, not %d", o.Code)})
		}
		if o.UseIP {
			o.Own = reception.OwnAddresses()
		}
		if o.Enabled {
			s.loop = o
		}
	}
	return bad
}
