package rpc

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/mtad/mtad/sdk/sdktest"
)

// launch serves the fake module in a process of its own: this test binary.
func launch(t testing.TB) (*Client, *os.Process) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), moduleEnv+"=1", plugin.EnvUnixSocketDir+"="+t.TempDir())
	p := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  Handshake(),
		Plugins:          plugin.PluginSet{PluginName: &Plugin{Base: &sdktest.Host{}}},
		Cmd:              cmd,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger:           hclog.NewNullLogger(),
		GRPCDialOptions:  DialOptions(),
		Stderr:           os.Stderr,
	})
	t.Cleanup(p.Kill)
	conn, err := p.Client()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := conn.Dispense(PluginName)
	if err != nil {
		t.Fatal(err)
	}
	c, ok := raw.(*Client)
	if !ok {
		t.Fatalf("dispensed a %T", raw)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, cmd.Process
}

func TestServe(t *testing.T) {
	c, proc := launch(t)
	if c.Info().Name != "fake" {
		t.Errorf("info: %+v", c.Info())
	}
	// They mean nothing to a module whose core lives.
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		if err := proc.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 {
		if _, err := c.Call(context.Background(), benchCall()); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// A process that is no core's child says so and exits with 1.
func TestServeWithoutCore(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), moduleEnv+"=1")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || len(out) == 0 {
		t.Errorf("%v, %q", err, out)
	}
}

// BenchmarkHop is one call there and back with 1, 20 and 200 under way. cpu-us/op
// is the processor time of both sides together.
func BenchmarkHop(b *testing.B) {
	floor := make([]byte, heapFloor) // a core in earnest has a heap
	defer runtime.KeepAlive(floor)
	b.Run("pipe", func(b *testing.B) { hops(b, pipe(b, &fake{}, &sdktest.Host{}), nil) })
	b.Run("process", func(b *testing.B) {
		c, proc := launch(b)
		hops(b, c, proc)
	})
}

func hops(b *testing.B, c *Client, module *os.Process) {
	for _, n := range []int{1, 20, 200} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			call := benchCall()
			ctx := context.Background()
			var left atomic.Int64
			left.Store(int64(b.N))
			before := cpuMicros(b, module)
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := c.Call(ctx, call); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric((cpuMicros(b, module)-before)/float64(b.N), "cpu-us/op")
		})
	}
}

// cpuMicros is the processor time used by this process and the module's.
func cpuMicros(b *testing.B, module *os.Process) float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	total := float64(r.Utime.Nano()+r.Stime.Nano()) / 1000
	if module == nil {
		return total
	}
	return total + processMicros(b, module.Pid)
}

// processMicros adds up the threads: schedstat of a process is its first
// thread's alone.
func processMicros(b *testing.B, pid int) float64 {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	tasks, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	var nanos float64
	for _, task := range tasks {
		line, err := os.ReadFile(dir + "/" + task.Name() + "/schedstat")
		if err != nil {
			continue // the thread has ended
		}
		var run float64
		if _, err := fmt.Sscan(string(line), &run); err != nil {
			b.Fatal(err)
		}
		nanos += run
	}
	return nanos / 1000
}
