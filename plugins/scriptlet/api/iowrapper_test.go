package api

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mtad/mtad/sdk"
)

func TestIOFile(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "log.csv")
	w.run(`local F = msys.core.O_CREAT | msys.core.O_APPEND | msys.core.O_WRONLY
		log = msys.core.io_wrapper_open("` + path + `", F, 0640)`)
	w.is("io_object 5 3 0", `return msys.type(log), log:write("a,b\nc", 5), log:write("defgh", 3), log:write("x", 0)`)
	w.is("4 true", `local n = log:write("\nend") return n, log:close()`)
	w.is("-1 it is closed", `return log:write("x", 1)`)
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	w.is("a,b cd efend nil", `local f = msys.core.io_wrapper_open("file://`+path+`", msys.core.O_RDONLY)
		local line, two = f:read(), f:read(2)
		local rest = f:read("*a"):gsub("\n", "") return line, two, rest, f:read(1)`)
	w.is("a,b cdef end nil", `local f = msys.core.io_wrapper_open("`+path+`") return f:read("*l"), f:read("*l"), f:read("*l"), f:read("*l")`)
	w.raises("bad argument #1 to 'read'", `msys.core.io_wrapper_open("`+path+`"):read("*x")`)
	if logs := w.host.Logs(); len(logs) != 1 || !strings.Contains(logs[0].Text, "write: it is closed") {
		t.Errorf("logged %v", logs)
	}
}

func TestIORefused(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for uri, want := range map[string]string{
		dir: "not a regular file", dir + "/pipe": "not a regular file", dir + "/missing": "no such file or directory",
		"pipe:///bin/sh": "mtad runs no programs for a script", "cluster://x": "mtad knows no cluster:// URIs",
		"syslog://?facility=nope": `no facility "nope"`, "syslog://?priority=nope": `no priority "nope"`,
	} {
		w.is("nil "+uri+": "+want, `return msys.core.io_wrapper_open("`+uri+`", msys.core.O_WRONLY)`)
	}
	checking := newMailWorld(t, sdk.ValidateConnect)
	checking.config.CheckOnly = true
	checking.is("nil x: "+sdk.ErrNoIO.Error(), `return msys.core.io_wrapper_open("x")`)
	openCount(w.L).Add(maxOpen)
	w.is("nil "+dir+": 500 resources are open already", `return msys.core.io_wrapper_open("`+dir+`")`)
}

// jlogNumbers are the format's, and the header of an empty jlog.
func jlogNumbers(list ...uint32) (out []byte) {
	for _, v := range list {
		out = binary.NativeEndian.AppendUint32(out, v)
	}
	return out
}

const jlogMagic = 0x663A7318

func TestJLog(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Join(t.TempDir(), "bounces.jlog")
	w.run(`log = msys.core.io_wrapper_open("jlog://` + dir + `=>master", msys.core.O_CREAT | msys.core.O_APPEND | msys.core.O_WRONLY, 0660)`)
	w.is("5 nil it cannot be read", `local a, err = log:read("*a") return log:write("first", 5), a, err`)
	w.run(`other = msys.core.io_wrapper_open("jlog://` + dir + `?subscribers=b,c=>", 0, 0660) other:write("second") log:write("third")`)
	read := func(name string) []byte {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	want := jlogNumbers(0, 4<<20, 1, jlogMagic)
	if got := read("metastore"); string(got) != string(want) {
		t.Errorf("metastore %x", got)
	}
	if got := read("cp.6d6173746572"); string(got) != string(jlogNumbers(0, 0)) {
		t.Errorf("checkpoint %x", got)
	}
	var messages []string
	for data := read("00000000"); len(data) >= 16; {
		n := binary.NativeEndian.Uint32(data[12:])
		if binary.NativeEndian.Uint32(data) != jlogMagic {
			t.Fatal("no magic")
		}
		messages, data = append(messages, string(data[16:16+n])), data[16+n:]
	}
	if strings.Join(messages, " ") != "first second third" {
		t.Errorf("messages %q", messages)
	}
}

func TestJLogSegments(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Join(t.TempDir(), "j")
	open := `msys.core.io_wrapper_open("jlog://` + dir + `=>m", 0, 0600)`
	w.run(`a = ` + open + ` b = ` + open + ` local big = ("x"):rep(3 * 1048576) a:write(big) a:write(big) a:write("three") b:write("four")`)
	for name, size := range map[string]int64{"00000000": 2 * (3<<20 + 16), "00000001": 16 + 5 + 16 + 4} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() != size {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "metastore"), []byte("something else!!"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.is("nil jlog://"+dir+"=>m: not a jlog, or a compressed one", `return `+open)
}
