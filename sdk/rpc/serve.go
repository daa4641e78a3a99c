package rpc

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/mtad/mtad/sdk"
)

// connectTimeout bounds the opening of the streams.
const connectTimeout = 10 * time.Second

// heapFloor is weight that is never touched, so it costs no memory, in bytes.
// With it the collector runs after that much garbage at the least. A module's
// own few megabytes would have it run every few hundred calls, which was two
// fifths of the processor time of a hop. More than this gains little, and a
// burst of hooks that wait would leave that much more memory behind.
const heapFloor = 8 << 20

// PluginName is the name under which go-plugin knows a module.
const PluginName = "module"

// Handshake is what core and module must agree on before anything else
// (go-plugin's magic cookie and protocol version).
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  1,
		MagicCookieKey:   "MTAD_MODULE",
		MagicCookieValue: "4d0ae3b25c7f1896",
	}
}

// Plugin is the glue that go-plugin asks for. In the core Base is set; what
// Dispense gives is a *Client.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	Base   sdk.Host
	server *server
}

var _ plugin.GRPCPlugin = (*Plugin)(nil)

// GRPCServer registers the module's service.
func (p *Plugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	p.server.register(s)
	return nil
}

// GRPCClient connects the core; ctx is the life of the module's process.
func (p *Plugin) GRPCClient(ctx context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	return Connect(ctx, conn, p.Base)
}

// Serve is the whole main of a module's process. It returns when the core is
// gone and the module has closed; then main returns and the process ends.
// A process that was not started by a core gets an explanation on stderr and
// exits with 1.
func Serve(m sdk.Module) {
	floor := make([]byte, heapFloor)
	defer runtime.KeepAlive(floor)
	s := newServer(m)
	stopSignals := heedSignals(os.Getppid, s.end)
	defer stopSignals()
	go func() {
		plugin.Serve(&plugin.ServeConfig{
			HandshakeConfig: Handshake(),
			Plugins:         plugin.PluginSet{PluginName: &Plugin{server: s}},
			Logger:          hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: os.Stderr}),
			GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
				return grpc.NewServer(append(opts, serverOptions()...)...)
			},
		})
		s.end()
	}()
	<-s.ended
	limit := time.NewTimer(closeTimeout)
	defer limit.Stop()
	select {
	case <-s.done():
	case <-limit.C:
		_, _ = os.Stderr.WriteString("deinit did not end in time\n")
	}
}

// heedSignals makes TERM and INT mean nothing as long as the core lives: they
// come to a whole group of processes, and the core, which drains first, ends
// its modules itself. TERM is also what the kernel sends when the core has died
// without a word.
func heedSignals(parent func() int, end func()) (stop func()) {
	core := parent()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	quit := make(chan struct{})
	go func() {
		for {
			select {
			case <-signals:
				if parent() != core {
					end()
				}
			case <-quit:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(quit)
	}
}
