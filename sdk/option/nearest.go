package option

import "strings"

// Nearest gives the candidate closest to name by edit distance, or "" where
// none is near: one edit in short names, a third of longer ones, three at most.
// Case does not count, "-" is "_", and two letters swapped are one edit. Of
// equals the first wins.
func Nearest(name string, candidates []string) string {
	fold := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }
	name = fold(name)
	best, bound := "", min(max((len(name)+1)/3, 1), 3)+1
	for _, c := range candidates {
		folded := fold(c)
		if diff := len(folded) - len(name); diff >= bound || -diff >= bound {
			continue
		}
		if d := distance(name, folded); d < bound {
			best, bound = c, d
		}
	}
	return best
}

// distance counts insertions, deletions, substitutions and swaps of neighbours.
func distance(a, b string) int {
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}
