package rpc

import (
	"math"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	protocodec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

const (
	// maxFrame is how much is packed into one frame, in bytes. There is nothing
	// to gain above it, and a burst of calls would take that much more memory on
	// both sides.
	maxFrame = 64 << 10
	// maxItem is the largest single item: a body that a script replaces.
	maxItem = 64 << 20
	// maxReceive is what either side accepts in one frame: others may pack more
	// into one.
	maxReceive = maxItem + 256<<10
	// window is the flow control window. The streams share one connection and
	// never end, so a window that adapts to single requests has nothing to do.
	window = 4 << 20
)

// codec encodes the frames of our two streams; go-plugin's own services, which
// share the module's server, get the standard one.
type codec struct{ standard encoding.CodecV2 }

func newCodec() codec { return codec{standard: encoding.GetCodecV2(protocodec.Name)} }

// Name is "proto": what is on the wire is plain protobuf for every language.
func (codec) Name() string { return protocodec.Name }

// Marshal hands over a frame that the outbox has packed already.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if f, ok := v.(*packed); ok {
		return mem.BufferSlice{f.buffer()}, nil
	}
	return c.standard.Marshal(v)
}

// Unmarshal lets the message alias a copy of the frame that is its own.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if m, ok := v.(interface{ UnmarshalVTUnsafe([]byte) error }); ok {
		frame := make([]byte, 0, data.Len())
		for _, part := range data {
			frame = append(frame, part.ReadOnlyData()...)
		}
		return m.UnmarshalVTUnsafe(frame)
	}
	return c.standard.Unmarshal(data, v)
}

func callOptions() []grpc.CallOption {
	return []grpc.CallOption{
		grpc.ForceCodecV2(newCodec()),
		grpc.MaxCallRecvMsgSize(maxReceive),
		grpc.MaxCallSendMsgSize(math.MaxInt32),
	}
}

// DialOptions are the options of the core's connection to a module.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithInitialWindowSize(window),
		grpc.WithInitialConnWindowSize(window),
	}
}

func serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ForceServerCodecV2(newCodec()),
		grpc.MaxRecvMsgSize(maxReceive),
		grpc.MaxSendMsgSize(math.MaxInt32),
		grpc.InitialWindowSize(window),
		grpc.InitialConnWindowSize(window),
	}
}
