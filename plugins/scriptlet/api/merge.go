package api

// Merge puts the pieces of each package together, and those of its classes.
func Merge(pieces []Package) []Package {
	var out []Package
	at := make(map[string]int)
	for _, p := range pieces {
		i, ok := at[p.Name]
		if !ok {
			i = len(out)
			at[p.Name] = i
			out = append(out, Package{Name: p.Name})
		}
		m := &out[i]
		if m.Doc == "" {
			m.Doc = p.Doc
		}
		m.Preload = m.Preload || p.Preload
		m.Funcs = append(m.Funcs, p.Funcs...)
		m.Consts = append(m.Consts, p.Consts...)
		for _, c := range p.Classes {
			mergeClass(m, c)
		}
	}
	return out
}

func mergeClass(p *Package, c Class) {
	for i := range p.Classes {
		if have := &p.Classes[i]; have.Name == c.Name {
			have.Methods = append(have.Methods, c.Methods...)
			have.Fields = append(have.Fields, c.Fields...)
			if have.Doc == "" {
				have.Doc = c.Doc
			}
			return
		}
	}
	c.Methods = append([]Func(nil), c.Methods...)
	c.Fields = append([]Field(nil), c.Fields...)
	p.Classes = append(p.Classes, c)
}
