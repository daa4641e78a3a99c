//go:build race

package mtatest

// Race reports that the test is built with the race detector; the server is
// then built with it too. It costs five to ten times the CPU, so tests assert
// fewer numbers under it.
const Race = true
