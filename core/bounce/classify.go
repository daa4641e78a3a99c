package bounce

import classes "github.com/mtad/mtad/sdk/bounce"

// Classify reads a reply such as "552 5.2.2 mailbox full" and gives its class, by
// the rules that scripts have as msys.bounce.
func Classify(reply string) classes.Class { return classes.Classify(reply) }
