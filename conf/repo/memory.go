package repo

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// memory is what a node knows beyond a restart.
type memory struct {
	Newest  string            `json:"newest"`          // the newest commit that was seen
	Seen    time.Time         `json:"seen"`            // since when
	Refused time.Time         `json:"refused"`         // when it was refused last
	Bad     map[string]string `json:"bad,omitempty"`   // commits that the node went back from, and why
	Order   []string          `json:"order,omitempty"` // the same, oldest first
	Told    int               `json:"-"`               // the revision published last
}

// maxBad bounds the commits that are never tried again.
const maxBad = 100

func (m *memory) forbid(commit, why string) {
	if m.Bad == nil {
		m.Bad = map[string]string{}
	}
	if _, again := m.Bad[commit]; !again {
		m.Order = append(m.Order, commit)
	}
	m.Bad[commit] = why
	for len(m.Order) > maxBad {
		delete(m.Bad, m.Order[0])
		m.Order = m.Order[1:]
	}
}

// recall reads the file; one that is damaged or lacking is an empty memory.
func recall(path string) memory {
	text, err := os.ReadFile(path)
	var m memory
	if err != nil || json.Unmarshal(text, &m) != nil {
		return memory{}
	}
	return m
}

// store writes the file by rename.
func (m *memory) store(path string) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), path)
}
