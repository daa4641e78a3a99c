package main

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const rfcPage = "docs/rfc.md"

const rfcIntro = `<!-- Written by test/docs/gen from the comments that cite RFCs. -->

# RFCs

Who obeys which RFC. The section stands in a comment at the line that obeys it: ` + "`grep -rn 'RFC 5321' --include=*.go`" + `.
Where mtad differs from an RFC, [quirks.md](quirks.md) says why.

| RFC | title | cited in |
|---|---|---|
`

// folders are searched for citations.
func folders() []string { return []string{"cmd", "conf", "core", "plugins", "sdk", "examples"} }

var citation = regexp.MustCompile(`RFC (\d{3,5})\b`)

func isSource(name string) bool {
	return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
}

// rfcs is the index page.
func rfcs(root string) (string, error) {
	files := map[int][]string{}
	for _, dir := range folders() {
		err := sources(root, dir, func(name, text string) {
			for _, m := range citation.FindAllStringSubmatch(text, -1) {
				n, _ := strconv.Atoi(m[1]) // digits
				if !slices.Contains(files[n], name) {
					files[n] = append(files[n], name)
				}
			}
		})
		if err != nil {
			return "", err
		}
	}
	var b strings.Builder
	b.WriteString(rfcIntro)
	for _, n := range slices.SortedFunc(maps.Keys(files), cmp.Compare[int]) {
		title, ok := titles()[n]
		if !ok {
			return "", fmt.Errorf("%s cites RFC %d, whose title is not in test/docs/gen/titles.go", files[n][0], n)
		}
		fmt.Fprintf(&b, "| [%d](https://www.rfc-editor.org/rfc/rfc%d) | %s | %s |\n", n, n, title, links(files[n]))
	}
	return b.String(), nil
}

func links(files []string) string {
	slices.Sort(files)
	for i, f := range files {
		files[i] = fmt.Sprintf("[%s](../%s)", f, f)
	}
	return strings.Join(files, " ")
}
