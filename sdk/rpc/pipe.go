package rpc

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/mtad/mtad/sdk"
)

// pipeBuffer is about what a socket of the kernel's holds, in bytes.
const pipeBuffer = 208 << 10

// Pipe connects a module to a Client in one process, through the same servers
// and streams as between two: for tests. stop closes the module and waits until
// everything has ended.
func Pipe(m sdk.Module, host sdk.Host) (c *Client, stop func(), err error) {
	s := newServer(m)
	listener := bufconn.Listen(pipeBuffer)
	srv := grpc.NewServer(serverOptions()...)
	s.register(srv)
	served := make(chan struct{})
	go func() {
		defer close(served)
		// It ends with Stop, and with nothing else.
		_ = srv.Serve(listener)
	}()
	conn, err := grpc.NewClient("passthrough:///pipe", append(DialOptions(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))...)
	if err != nil {
		return nil, nil, fmt.Errorf("connect a pipe: %w", err)
	}
	end := func() {
		_ = conn.Close()
		srv.Stop()
		<-served
		s.end()
		<-s.done()
	}
	c, err = Connect(context.Background(), conn, host)
	if err != nil {
		end()
		return nil, nil, err
	}
	return c, func() {
		_ = c.Close()
		end()
	}, nil
}
