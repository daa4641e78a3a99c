//go:build !race

package lua51

const share = 1
