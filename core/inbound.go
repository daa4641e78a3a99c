package core

import (
	"net/netip"
	"os"

	"github.com/mtad/mtad/core/smtpd"
	"github.com/mtad/mtad/sdk/option"
)

// socketOptions are those of an esmtp_listener's sockets beside listenerOptions.
type socketOptions struct {
	Mode uint32 `opt:"file_mode" type:"octal" default:"0660" scopes:"esmtp_listener,listen" help:"Permissions of a socket's path."`
}

// socket takes the options of a listening socket.
func (s *settings) socket(layers ...*option.Scope) option.Problems {
	var o listenerOptions
	var own socketOptions
	bad := append(option.DecodeLayers(&o, layers...), option.DecodeLayers(&own, layers...)...)
	if s.sockets == nil {
		s.sockets = map[string]smtpd.Socket{}
	}
	s.sockets[layers[len(layers)-1].Instance] = smtpd.Socket{Backlog: int(o.Backlog), Mode: os.FileMode(own.Mode)}
	return bad
}

// connectionControl takes the conntrol scopes; the last one counts.
func (s *settings) connectionControl(root *option.Scope) option.Problems {
	var bad option.Problems
	for _, scope := range root.Children("conntrol") {
		bad = append(bad, option.Decode(scope, &s.conntrol)...)
		if _, err := smtpd.NewProfileWith(smtpd.Options{}, s.conntrol); err != nil {
			bad = append(bad, option.Problem{Pos: scope.Pos, Text: err.Error()})
			s.conntrol = smtpd.Conntrol{}
		}
	}
	return bad
}

// narrow reports a peer scope that is for fewer than everybody.
func narrow(scope *option.Scope) bool {
	if scope == nil || scope.Name != "peer" {
		return false
	}
	if p, err := netip.ParsePrefix(scope.Instance); err == nil {
		return p.Bits() >= wideBits
	}
	_, err := netip.ParseAddr(scope.Instance)
	return err == nil
}

// wideBits is the length of a prefix below which it is a large part of the
// address space.
const wideBits = 8
