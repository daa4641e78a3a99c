package core

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mtad/mtad/core/queue"
)

// holdFileName is in the spool's directory, which is the durable state there is.
const holdFileName = "suspensions.json"

// holdFile keeps the suspensions of the console in a file (queue.HoldStore).
type holdFile struct{ path string }

// heldRow is a suspension in the file.
type heldRow struct {
	Group   string    `json:"binding_group,omitempty"`
	Binding string    `json:"binding,omitempty"`
	Domain  string    `json:"domain,omitempty"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until,omitzero"`
	Why     string    `json:"note,omitempty"`
}

// maxHoldFile bounds what is read: a thousand suspensions with long notes.
const maxHoldFile = 16 << 20

// Load is part of queue.HoldStore.
func (f holdFile) Load() ([]queue.Hold, error) {
	in, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxHoldFile))
	if err != nil {
		return nil, err
	}
	var rows []heldRow
	if err := json.Unmarshal(text, &rows); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	out := make([]queue.Hold, len(rows))
	for i, r := range rows {
		out[i] = queue.Hold{Lane: queue.Lane{Group: r.Group, Binding: r.Binding, Domain: r.Domain}, Since: r.Since, Until: r.Until, Why: r.Why}
	}
	return out, nil
}

// Save is part of queue.HoldStore: the file is there whole, the old or the new.
func (f holdFile) Save(holds []queue.Hold) error {
	rows := make([]heldRow, len(holds))
	for i, h := range holds {
		rows[i] = heldRow{Group: h.Group, Binding: h.Binding, Domain: h.Domain, Since: h.Since, Until: h.Until, Why: h.Why}
	}
	text, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(f.path, append(text, '\n'))
}

// replaceFile writes a file beside and renames it, each step durable.
func replaceFile(path string, text []byte) error {
	out, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name()) // of no use once it has its name
	_, err = out.Write(text)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	if err := os.Rename(out.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
