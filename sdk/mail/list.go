package mail

// ListHeaders gives all headers of a section in order, with the values of Header.
func ListHeaders(section []byte) []HeaderLine {
	var out []HeaderLine
	for pos := 0; pos < len(section); {
		f := nextField(section, pos)
		if f.name != nil {
			out = append(out, HeaderLine{string(f.name), DecodeWords(f.text(section))})
		}
		pos = f.end
	}
	return out
}
