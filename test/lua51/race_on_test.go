//go:build race

package lua51

// share: one program in so many runs. There is one goroutine, and the race detector
// makes it five times slower; without it all of them run (test/all.sh).
const share = 5
