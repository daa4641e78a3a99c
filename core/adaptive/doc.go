// Package adaptive is adaptive delivery: it watches what receivers answer and
// slows down, stops or discards mail for a binding and domain as the rules of
// sdk/adaptive and the sweep rules of the configuration say. It runs in the
// core. core/queue tells it of every outcome and asks it for a lane's options.
//
// Next: core/queue goes on with the options as they are shaped here.
package adaptive
