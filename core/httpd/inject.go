package httpd

import (
	"maps"
	"mime"
	"net/netip"
	"slices"
	"time"

	"github.com/mtad/mtad/core/reception"
	"github.com/mtad/mtad/core/smtpd"
	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/smtp"
)

// inject takes one message for one or several recipients.
func (x *exchange) inject() {
	kind, _, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	switch {
	case err != nil:
		x.fail(problemMediaType)
	case kind == "message/rfc822":
		x.injectRaw()
	case kind == "application/json":
		x.injectJSON()
	default:
		x.fail(problemMediaType)
	}
}

// injectRaw takes a message as it is (RFC 2046 §5.2.1); it goes to the door, and a
// large one to the disk, while it arrives.
func (x *exchange) injectRaw() {
	env, bad := rawEnvelope(x.r.Header, x.r.URL.Query(), x.p.recipients())
	if bad != nil {
		x.fail(bad)
		return
	}
	x.submit(env, func(dr *reception.Draft) *problem {
		return x.copyBody(dr, x.p.MaxRequest)
	})
}

// injectJSON takes an envelope with a message or with the parts of one.
func (x *exchange) injectJSON() {
	body, bad := x.readJSON()
	defer x.srv.bodies.Add(-int64(cap(body)))
	if bad != nil {
		x.fail(bad)
		return
	}
	req, bad := parseRequest(body)
	if bad != nil {
		x.fail(bad)
		return
	}
	env, bad := newEnvelope(req.sender(), req.recipients(), x.p.recipients())
	if bad != nil {
		x.fail(bad)
		return
	}
	raw, bad := req.message(env)
	if bad != nil {
		x.fail(bad)
		return
	}
	x.submit(env, func(dr *reception.Draft) *problem {
		l := lines{dst: dr}
		return x.written(l.copy(raw))
	})
}

// submit takes a message through the door and answers for it. content writes it
// into the draft.
func (x *exchange) submit(env *envelope, content func(*reception.Draft) *problem) {
	s := x.session()
	defer s.Close()
	id := x.srv.NewID()
	s.Begin(&sdk.Message{
		ID: id, BatchID: id, ConnID: x.conn.id, Sender: env.from, Recipients: env.to, Protocol: sdk.ProtocolREST,
		RecvFrom: x.conn.peer, RecvVia: s.State.Conn.Local, Created: x.srv.Now(), Context: senderContext(env.from),
	})
	dr := x.srv.Door.NewDraft(reception.Envelope{SMTPUTF8: env.utf8, MayRelay: true, Received: x.received(s, env)})
	if bad := content(dr); bad != nil {
		dr.Abort()
		x.fail(bad)
		return
	}
	sub := x.srv.Door.Submit(x.srv.ctx, s, dr)
	x.conclude(&sub)
}

// session is the validation context of a request. Whoever may send at all may
// relay, as after AUTH.
func (x *exchange) session() *validate.Session {
	d := make(sdk.Dict, 0, 8+len(x.p.Context))
	d.Set("pathway", x.p.Pathway)
	if x.p.PathwayGroup != "" {
		d.Set("pathway_group", x.p.PathwayGroup)
	}
	for _, key := range slices.Sorted(maps.Keys(x.p.Context)) {
		d.Set(key, x.p.Context[key])
	}
	d.Set("can_relay", "true")
	if x.how != "" {
		d.Set("auth_name", x.how)
		d.Set("auth_status", sdk.AuthOK.String())
		d.Set("auth_user", x.user)
	}
	if x.r.TLS != nil {
		smtpd.DescribeTLS(&d, *x.r.TLS)
	}
	return x.srv.Validator.NewSession(sdk.Conn{
		ID: x.conn.id, Protocol: sdk.ProtocolREST, Peer: x.conn.peer, Local: addrPort(x.conn.LocalAddr()), Context: d,
	})
}

// senderContext are the variables that MAIL FROM sets (sdk.State.Enter).
func senderContext(from smtp.Address) sdk.Dict {
	d := make(sdk.Dict, 0, 8)
	local, domain := from.Split()
	d.Set("mailfrom_string", "MAIL FROM:"+from.Path())
	d.Set("mailfrom_localpart", local)
	d.Set("mailfrom_domain", domain)
	return d
}

// received is the value of the Received field (RFC 5321 §4.4), "" for none.
func (x *exchange) received(s *validate.Session, env *envelope) string {
	if !x.p.Trace {
		return ""
	}
	host := x.p.ReceivedHost
	if host == "" {
		host = x.srv.Hostname()
	}
	b := append([]byte("from ["), literal(x.conn.peer.Addr())...)
	b = append(append(b, "]\r\n\tby "...), host...)
	b = append(append(b, " with HTTP id "...), s.State.Message.BatchID...)
	if len(env.to) == 1 { // RFC 5321 §7.2
		b = append(append(b, "\r\n\tfor "...), env.to[0].Path()...)
	}
	return string(x.srv.Now().AppendFormat(append(b, ";\r\n\t"...), time.RFC1123Z))
}

// literal is the inside of an address literal (RFC 5321 §4.1.3).
func literal(a netip.Addr) string {
	if a.Is6() {
		return "IPv6:" + a.WithZone("").String()
	}
	return a.String()
}
