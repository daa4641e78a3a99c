package drivertest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/mtad/mtad/test/need"
)

// Redis is a Redis server of a test's own. Stopped, it forgets everything.
type Redis struct {
	Process
	URI    string
	Socket string
}

// RedisPassword is what the server wants to hear.
const RedisPassword = "s3cret"

// NewRedis starts a Redis server on a free port. It ends with the test.
func NewRedis(t testing.TB) *Redis {
	t.Helper()
	r := &Redis{Process: Process{t: t, program: need.Program(t, "redis-server"), ready: "Ready to accept connections"}}
	dir, err := os.MkdirTemp("", "mtad-rd") // a socket's path must stay short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	port := quietPort(t)
	r.Socket = filepath.Join(dir, "socket")
	r.URI = fmt.Sprintf("redis:host=127.0.0.1;port=%d;password=%s", port, RedisPassword)
	r.args = []string{"--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--unixsocket", r.Socket, "--requirepass", RedisPassword,
		"--save", "", "--appendonly", "no", "--dir", dir}
	r.Start()
	t.Cleanup(r.Stop)
	return r
}
