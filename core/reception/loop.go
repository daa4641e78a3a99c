package reception

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/smtp"
)

// LoopOptions are a mail_loop scope (reference/modules.tsv). Without one nothing
// is looked for.
type LoopOptions struct {
	MaxReceived int64 `opt:"max_received_headers" default:"20" help:"More Received fields than these are a loop."`
	UseIP       bool  `opt:"use_ip" default:"false" help:"A message from one of this machine's own addresses, loopback left out, is a loop."`
	Code        int64 `opt:"code" default:"554" help:"The reply's code; 250: only the variables mail_loop_header_count and mail_loop_ip are set."`
	Enabled     bool  `opt:"enabled" default:"true" help:"Look at all."`

	// Own are the machine's addresses (OwnAddresses).
	Own map[netip.Addr]bool
}

// OwnAddresses are the addresses of the machine's interfaces but loopback, over
// which clients on the machine hand in their mail.
func OwnAddresses() map[netip.Addr]bool {
	own := map[netip.Addr]bool{}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return own
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLoopback() {
			own[p.Addr().Unmap().WithZone("")] = true
		}
	}
	return own
}

// loops looks for a mail loop (RFC 5321 §6.3), sets the connection's variables
// for it, and gives the refusal, nil where the message may go on.
func (d *Door) loops(st *sdk.State, dr *Draft) *smtp.Reply {
	if d.Loop == nil {
		return nil
	}
	o := d.Loop()
	if o == nil || !o.Enabled {
		return nil
	}
	found := false
	n := len(mail.RawHeader(st.Message.Header, "Received"))
	if dr.env.Received != "" {
		n-- // ours
	}
	if int64(n) > o.MaxReceived {
		st.Conn.Context.Set("mail_loop_header_count", strconv.Itoa(n))
		found = true
	}
	if o.UseIP && o.Own[st.Conn.Peer.Addr().Unmap().WithZone("")] {
		st.Conn.Context.Set("mail_loop_ip", "match")
		found = true
	}
	if !found || o.Code/100 == 2 {
		return nil
	}
	enhanced := "5.4.6" // RFC 3463 §3.5: routing loop detected
	if o.Code/100 == 4 {
		enhanced = "4.4.6"
	}
	return smtp.NewReply(int(o.Code), enhanced, "mail loop detected")
}
