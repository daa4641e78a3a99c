// Package rpc carries the contract of package sdk across the process boundary.
// A module's main calls Serve; the core's core/modules holds a Client, which is
// an sdk.Module like one in its own process.
//
// The transport is gRPC as go-plugin sets it up. Two streams live as long as
// the module's process: Calls (the core asks) and HostCalls (the module asks).
// Both are RPCs of the module's server, opened by the core. Many questions are
// under way on each. One writer for each direction packs what waits into frames
// (outbox.go); an asker pairs answers with questions (asker.go); workers answer
// them (workers.go). client.go and clienthost.go are the core's side, server.go
// and serverhost.go the module's; convert*.go turn pb messages into plain data
// and back, and pb types go no further than this package.
//
// Next: plugins/* and third-party modules answer; core/modules takes the
// answer back to core/validate.
package rpc
