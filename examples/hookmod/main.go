// Greylist is an example of a hook module for mtad: it turns down the first
// attempt of an unknown sender for a recipient, and lets it pass when it comes
// again after a delay. It runs in a process of its own that mtad starts. Copy
// this folder to begin a module of your own: main.go is what every module has,
// greylist.go what this one decides, store.go what it remembers.
//
// Next: the answer to a call goes back to mtad, which gives the SMTP client its
// reply.
package main

import (
	"time"

	"github.com/mtad/mtad/sdk/rpc"
)

func main() { rpc.Serve(newModule(time.Now)) }
