package api

import (
	"cmp"
	"context"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/mtad/mtad/sdk/mailauth"
	"github.com/mtad/mtad/sdk/smtp"
)

// spf expands the inside of an SPF macro (RFC 7208 §7.1): a letter, how many
// parts of it to keep, r to turn the parts round, and what separates them. An
// upper case letter escapes the result as in a URL.
func (m *macros) spf(spec string) string {
	if spec == "" || m.f == nil {
		return ""
	}
	letter, rest := spec[0], spec[1:]
	keep := strings.TrimLeft(rest, "0123456789")
	digits := rest[:len(rest)-len(keep)]
	delimiters, _ := strings.CutPrefix(strings.ToLower(keep), "r")
	if strings.Trim(delimiters, ".-+,/_=") != "" || digits == "0" {
		return ""
	}
	value := mailauth.MacroValue(m.spfLetter(letter|0x20), rest) // p looks the name up
	if letter >= 'A' && letter <= 'Z' {
		return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
	}
	return value
}

func (m *macros) spfLetter(letter byte) string {
	local, domain := m.spfSender()
	peer := m.f.State.Conn.Peer.Addr().Unmap()
	if !peer.IsValid() && m.msg != nil {
		peer = m.msg.RecvFrom.Addr().Unmap()
	}
	switch letter {
	case 's':
		if domain == "" {
			return ""
		}
		return local + "@" + domain
	case 'l':
		return local
	case 'o', 'd':
		return domain
	case 'h':
		return m.helo()
	case 'p':
		if name, _ := m.conn.Get("reverse_dns"); name != "" {
			return name
		}
		return m.validatedName(peer, domain)
	case 't':
		return strconv.FormatInt(m.e.World.Now().Unix(), 10)
	}
	if !peer.IsValid() {
		return ""
	}
	switch letter {
	case 'i':
		return nibbles(peer)
	case 'c':
		return peer.WithZone("").String()
	case 'v':
		if peer.Is4() {
			return "in-addr"
		}
		return "ip6"
	}
	return ""
}

// validatedName is the peer's name, looked up while other sessions go on (RFC 7208
// §5.5), once in the expansion of a text; "unknown" where none leads back to it.
func (m *macros) validatedName(peer netip.Addr, domain string) string {
	if m.peerName != "" || !peer.IsValid() {
		return cmp.Or(m.peerName, "unknown")
	}
	m.e.World.Wait(m.L, false, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, authTime)
		defer cancel()
		m.peerName = mailauth.ValidatedName(ctx, mailauth.HostResolver{Host: m.e.World.Host()}, peer, domain)
	})
	return m.peerName
}

func (m *macros) helo() string {
	name, _ := m.conn.Get("ehlo_domain")
	return name
}

// spfSender is the sender; for the null sender postmaster at the HELO name
// (RFC 7208 §2.4 and §4.3).
func (m *macros) spfSender() (local, domain string) {
	sender := smtp.Address("")
	if m.msg != nil {
		sender = m.msg.Sender
	}
	local, domain = sender.Split()
	if domain == "" {
		domain = m.helo()
	}
	if local == "" {
		local = "postmaster"
	}
	return local, domain
}

// nibbles is an IPv4 address as it is, an IPv6 address as 32 hexadecimal digits
// with dots between (RFC 7208 §7.3).
func nibbles(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	digits := strings.ReplaceAll(a.WithZone("").StringExpanded(), ":", "")
	return strings.Join(strings.Split(strings.ToUpper(digits), ""), ".")
}
