package convert

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/sdk/option"
)

// check reads the result as the server does. What it cannot read, in spite of
// the schema, is left out in the next round: a regular expression that only PCRE
// has, a network that is none. It is false where nothing was wrong.
func (c *converter) check() bool {
	tree, diags := conf.Load(conf.Options{Path: c.mainPath(), Search: []string{}, FS: overlay{c.o.FS, c.files}, Listed: []string{"module"}})
	again := false
	for _, d := range append(diags, conf.Check(tree, c.o.Schema)...) {
		l := lineOf(c.files, d.File, d.Line)
		if l.item != nil && c.refused[l.item] == "" {
			c.refused[l.item] = d.Text
			again = true
		}
	}
	return again
}

func (c *converter) mainPath() string { return Root + "/" + c.files[0].Path }

// further has the caller look at the result.
func (c *converter) further() {
	if c.o.Further == nil {
		return
	}
	for _, d := range c.o.Further(overlay{c.o.FS, c.files}, c.mainPath()) {
		pos := lineOf(c.files, d.Pos.File, d.Pos.Line).pos
		if pos.Line == 0 {
			pos = option.Pos{File: c.o.Path, Line: 1, Column: 1}
		}
		c.find(Refused, pos, "%s", d.Text)
	}
}

// overlay is a file system with the result in it.
type overlay struct {
	conf.FS
	files []*File
}

func (o overlay) file(name string) *File {
	for _, f := range o.files {
		if Root+"/"+f.Path == name {
			return f
		}
	}
	return nil
}

// ReadFile is part of conf.FS.
func (o overlay) ReadFile(name string) ([]byte, error) {
	if f := o.file(name); f != nil {
		return bytes.Clone([]byte(f.Text)), nil
	}
	return o.FS.ReadFile(name)
}

// Stat is part of conf.FS.
func (o overlay) Stat(name string) (fs.FileInfo, error) {
	if f := o.file(name); f != nil {
		return entryInfo{filepath.Base(name), int64(len(f.Text)), 0o644}, nil
	}
	for _, f := range o.files {
		if strings.HasPrefix(Root+"/"+f.Path, name+"/") {
			return entryInfo{filepath.Base(name), 0, fs.ModeDir | 0o755}, nil
		}
	}
	return o.FS.Stat(name)
}

// ReadDir is part of conf.FS.
func (o overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	var list []fs.DirEntry
	for _, f := range o.files {
		if path := Root + "/" + f.Path; filepath.Dir(path) == name {
			list = append(list, fs.FileInfoToDirEntry(entryInfo{filepath.Base(path), int64(len(f.Text)), 0o644}))
		}
	}
	if list != nil {
		return list, nil // in the order they were included in, which is by name
	}
	return o.FS.ReadDir(name)
}

// entryInfo is a file or directory of the overlay.
type entryInfo struct {
	name string
	size int64
	mode fs.FileMode
}

func (i entryInfo) Name() string       { return i.name }
func (i entryInfo) Size() int64        { return i.size }
func (i entryInfo) Mode() fs.FileMode  { return i.mode }
func (i entryInfo) ModTime() time.Time { return time.Time{} }
func (i entryInfo) IsDir() bool        { return i.mode.IsDir() }
func (i entryInfo) Sys() any           { return nil }

// unsafe says what is wrong with a value that is converted all the same.
func unsafe(name string, v option.Value, scope string) string {
	yes := v.Text == "true"
	switch name {
	case "relay_hosts":
		for _, one := range v.List {
			if p, err := netip.ParsePrefix(one.Text); err == nil && p.Bits() < 8 {
				return one.Text + " lets nearly everybody relay; `mtad check` calls that an error"
			}
		}
	case "relay_domains":
		for _, one := range v.List {
			if one.Text == "*" {
				return "* is an open relay; `mtad check` calls that an error"
			}
		}
	case "open_relay":
		return onlyIf(yes, "whoever this is for may relay")
	case "always_allow":
		return onlyIf(yes, "whoever says AUTH is believed")
	case "_unsafe_spool":
		return onlyIf(yes, "a crash loses mail that was accepted")
	case "idle_time":
		return onlyIf(v.Text == "0", "sessions that say nothing stay for ever")
	case "rfc2822_lone_lf_in_body":
		return onlyIf(strings.EqualFold(v.Text, "ignore"), "mail can be smuggled through (RFC 5321 §2.3.8)")
	case "generate_bounces_for_multi_recipient_policy_rejections":
		return onlyIf(yes, "bounces go to forged senders")
	case "tls_protocols":
		return oldProtocol(v)
	case "file_mode":
		return onlyIf(strings.HasPrefix(scope, "control_listener") && strings.HasSuffix(v.Text, "6"),
			"whoever is on this machine may give orders; \"0660\" is for a group")
	}
	return ""
}

func onlyIf(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

// oldProtocol finds what RFC 8996 deprecates.
func oldProtocol(v option.Value) string {
	text := v.Text
	for _, one := range v.List {
		text += " " + one.Text
	}
	for word := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return r == ' ' || r == ',' || r == ':' }) {
		switch strings.TrimPrefix(word, "+") {
		case "sslv2", "sslv3", "tlsv1", "tlsv1.0", "tlsv1.1", "all":
			return fmt.Sprintf("%s allows protocols that RFC 8996 deprecates", word)
		}
	}
	return ""
}

// note keeps what `mtad migrate` looks at.
func (c *converter) note(it *item, v option.Value, k context) {
	all := append([]option.Value{v}, v.List...)
	for _, e := range v.Dict {
		all = append(all, e.Value)
	}
	for _, one := range all {
		text := one.Text
		if _, behind, ok := strings.Cut(text, ":/"); ok {
			text = "/" + strings.TrimLeft(behind, "/")
		}
		if strings.HasPrefix(text, "/") {
			c.paths = append(c.paths, Place{one.Pos, one.Text})
		}
	}
	if k.path == "datasource" && it.key() == "uri" {
		for _, one := range v.List {
			c.data = append(c.data, Datasource{c.instance, one.Text, one.Pos})
		}
	}
	if k.path == "scriptlet::script" && it.key() == "source" {
		c.scripts = append(c.scripts, Script{c.instance, v.Text, it.value.Pos})
	}
}
