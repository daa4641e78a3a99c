package sdk

// Dict is a context dictionary: text values under text keys, in the order they
// were first set (reference/lua-api-notes.md 4). It is a slice because it is
// small, copied with every call and encoded as it stands.
type Dict []Pair

// Pair is one entry of a Dict.
type Pair struct{ Key, Value string }

// Get returns the value under key and whether it is there.
func (d Dict) Get(key string) (string, bool) {
	for i := range d {
		if d[i].Key == key {
			return d[i].Value, true
		}
	}
	return "", false
}

// Set puts value under key, in place where the key exists.
func (d *Dict) Set(key, value string) {
	for i := range *d {
		if (*d)[i].Key == key {
			(*d)[i].Value = value
			return
		}
	}
	*d = append(*d, Pair{key, value})
}

// Delete removes key and reports whether it was there.
func (d *Dict) Delete(key string) bool {
	for i := range *d {
		if (*d)[i].Key == key {
			*d = append((*d)[:i:i], (*d)[i+1:]...)
			return true
		}
	}
	return false
}

// Clone is a copy that shares nothing with d.
func (d Dict) Clone() Dict {
	if len(d) == 0 {
		return nil
	}
	return append(Dict(nil), d...)
}
