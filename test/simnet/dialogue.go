package simnet

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// dialogue is a host's side of one connection.
type dialogue struct {
	net        *Net
	host       *Host
	raw        *conn
	conn       net.Conn
	r          *bufio.Reader
	secured    bool
	mail       bool // MAIL was taken
	recipients []string
	visits     int // of the last recipient
	over       bool
}

func (d *dialogue) run() {
	defer d.raw.Close()
	defer d.net.leave(d.host)
	d.r = bufio.NewReader(d.conn)
	if d.net.enter(d.host) {
		d.reply("421 4.7.0 too many connections")
		return
	}
	if d.strikes(StageBanner) {
		return
	}
	d.reply("220 " + d.host.Name + " ESMTP")
	for !d.over {
		line, err := d.r.ReadString('\n')
		if err != nil {
			return
		}
		d.command(strings.TrimRight(line, "\r\n"))
	}
}

// reply waits for the host's latency and says a line, or several.
func (d *dialogue) reply(text string) {
	d.pause(d.host.Latency)
	if _, err := io.WriteString(d.conn, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n"); err != nil {
		d.over = true
	}
}

// pause waits, on the clock of the bubble.
func (d *dialogue) pause(t time.Duration) {
	if t > 0 {
		<-time.After(t)
	}
}

func (d *dialogue) last() string {
	if len(d.recipients) == 0 {
		return ""
	}
	return d.recipients[len(d.recipients)-1]
}

// strikes has a fault happen, if there is one; true: the command is dealt with.
func (d *dialogue) strikes(at Stage) bool {
	f := d.net.fault(d.host, at, d.last(), d.visits)
	if f == nil {
		return false
	}
	d.pause(f.After)
	switch f.Kind {
	case Refuse:
		d.reply(f.Text)
		d.over = strings.HasPrefix(f.Text, "421")
	case Drop:
		d.pause(d.host.Latency) // what was said before arrives
		d.raw.shut(true)
		d.over = true
	default:
		d.hang()
	}
	return true
}

// hang reads until the client is gone.
func (d *dialogue) hang() {
	_, _ = io.Copy(io.Discard, d.r)
	d.over = true
}

func (d *dialogue) command(line string) {
	verb, rest, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO":
		if !d.strikes(StageEHLO) {
			d.reply(d.extensions())
		}
	case "STARTTLS":
		d.startTLS()
	case "MAIL":
		d.recipients = d.recipients[:0]
		if d.mail = !d.strikes(StageMail); d.mail {
			d.reply("250 2.1.0 ok")
		}
	case "RCPT":
		if !d.mail {
			d.reply("503 5.5.1 MAIL first")
			return
		}
		d.rcpt(rest)
	case "DATA":
		d.data()
	case "RSET":
		d.recipients = d.recipients[:0]
		d.reply("250 2.0.0 ok")
	case "QUIT":
		d.reply("221 2.0.0 bye")
		d.over = true
	default:
		d.reply("502 5.5.1 unknown command")
	}
}

func (d *dialogue) extensions() string {
	if d.host.TLS == NoTLS || d.secured {
		return "250-" + d.host.Name + "\n250-PIPELINING\n250 8BITMIME"
	}
	return "250-" + d.host.Name + "\n250-PIPELINING\n250-STARTTLS\n250 8BITMIME"
}

func (d *dialogue) rcpt(rest string) {
	name := strings.Trim(strings.TrimPrefix(rest, "TO:"), "<>")
	seen := d.net.ledger.visited(d.host.Domain+" "+d.raw.remote.Addr().String(), name)
	d.recipients, d.visits = append(d.recipients, name), seen.Visits
	taken := false
	switch {
	case d.strikes(StageRcpt):
	case d.host.Greylist > 0 && time.Since(seen.First) < d.host.Greylist:
		d.reply("451 4.7.1 greylisted, try again later")
	case d.net.crowded(d.host):
		d.reply("450 4.7.0 too much mail in a minute")
	default:
		taken = true
		d.reply("250 2.1.5 ok")
	}
	if !taken {
		d.recipients = d.recipients[:len(d.recipients)-1]
	}
}

func (d *dialogue) data() {
	if len(d.recipients) == 0 {
		d.reply("503 5.5.1 no recipients")
		return
	}
	if d.strikes(StageData) {
		return
	}
	d.reply("354 go")
	if d.net.fault(d.host, StageBody, d.last(), d.visits) != nil {
		_, _ = d.r.ReadString('\n')
		d.pause(d.host.Latency)
		d.raw.shut(true)
		d.over = true
		return
	}
	for {
		line, err := d.r.ReadString('\n')
		if err != nil {
			return
		}
		if line == ".\r\n" {
			break
		}
	}
	d.dot()
}

// dot is the end of the content: who has the message now, and who knows.
func (d *dialogue) dot() {
	f := d.net.fault(d.host, StageDot, d.last(), d.visits)
	switch {
	case f == nil:
		d.accept()
	case f.Kind == Refuse && !strings.HasPrefix(f.Text, "250"):
		d.strikes(StageDot)
	case f.Kind == Mute:
		d.accept()
		d.hang()
	case f.Kind == Refuse: // 250, when nobody listens any more
		d.net.ledger.took(d.recipients, true)
		d.pause(f.After)
		d.reply(f.Text)
		d.over = true
	default:
		d.net.ledger.took(d.recipients, true)
		d.strikes(StageDot)
	}
	d.recipients = d.recipients[:0]
}

// accept takes the message. Where the connection has gone meanwhile, nobody
// hears of it.
func (d *dialogue) accept() {
	d.reply("250 2.0.0 queued")
	d.net.ledger.took(d.recipients, d.over)
}

func (d *dialogue) startTLS() {
	d.reply("220 2.0.0 go")
	switch d.host.TLS {
	case GarbageTLS:
		_, _ = d.r.Peek(1)
		_, _ = io.WriteString(d.raw, "this is no handshake at all\r\n")
		d.hang()
	case GoodTLS:
		certificate, err := ownCertificate()
		if err != nil {
			d.over = true
			return
		}
		s := tls.Server(d.raw, &tls.Config{Certificates: []tls.Certificate{certificate}})
		d.conn, d.r, d.secured = s, bufio.NewReader(s), true
		d.over = s.Handshake() != nil
	default:
		d.pause(d.host.Latency)
		d.raw.shut(true)
		d.over = true
	}
}

// ownCertificate is one that nobody vouches for.
var ownCertificate = sync.OnceValues(func() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "simnet.test"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
	}
	if err != nil {
		return tls.Certificate{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, errors.Join(err)
})

// Address numbers the addresses of hosts.
func Address(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{100, byte(64 + i>>16&63), byte(i >> 8), byte(i)})
}
