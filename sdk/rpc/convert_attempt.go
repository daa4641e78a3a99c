package rpc

import (
	"net/netip"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
)

func attemptToPB(a *sdk.Attempt) *pb.Attempt {
	if a == nil {
		return nil
	}
	out := &pb.Attempt{ConnId: a.ConnID, Stage: int32(a.Stage), Tls: &pb.OutboundTLS{
		Use: pb.TLSUse(a.TLS.Use), Option: valid(a.TLS.Option), Cipher: valid(a.TLS.Cipher),
		AlgBits: int32(a.TLS.AlgBits), UseBits: int32(a.TLS.UseBits), Protocol: valid(a.TLS.Protocol),
		Certificate: a.TLS.Certificate, Verified: a.TLS.Verified, Issuer: wire(a.TLS.Issuer), Subject: wire(a.TLS.Subject),
	}}
	if a.Remote.IsValid() {
		out.Remote = a.Remote.String()
	}
	return out
}

func (d *decoder) attempt(p *pb.Attempt) *sdk.Attempt {
	if p == nil {
		return nil
	}
	a := &sdk.Attempt{ConnID: d.str(p.ConnId), Stage: enum[sdk.DeliveryStage](p.Stage)}
	if addr, err := netip.ParseAddr(p.Remote); err == nil {
		a.Remote = addr
	}
	if t := p.Tls; t != nil {
		a.TLS = sdk.OutboundTLS{
			Use: enum[sdk.TLSUse](int32(t.Use)), Option: d.str(t.Option), Cipher: d.str(t.Cipher),
			AlgBits: int(t.AlgBits), UseBits: int(t.UseBits), Protocol: d.str(t.Protocol),
			Certificate: t.Certificate, Verified: t.Verified, Issuer: d.text(t.Issuer), Subject: d.text(t.Subject),
		}
	}
	return a
}
