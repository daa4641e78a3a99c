package mailauth

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk/mail"
)

// zone is a Resolver with records of its own, and errors for some names.
type zone struct {
	txt   map[string][]string
	ip    map[string][]string
	mx    map[string][]*net.MX
	ptr   map[string][]string // by reverse name
	cname map[string]string
	err   map[string]error

	mu    sync.Mutex // go-msgauth asks for several keys at once
	asked []string
}

func newZone() *zone {
	return &zone{txt: map[string][]string{}, ip: map[string][]string{}, mx: map[string][]*net.MX{},
		ptr: map[string][]string{}, cname: map[string]string{}, err: map[string]error{}}
}

func (z *zone) find(name string) (string, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	z.mu.Lock()
	z.asked = append(z.asked, name)
	z.mu.Unlock()
	if !labelsFit(name) {
		return "", notFound(name)
	}
	if to := z.cname[name]; to != "" {
		name = to
	}
	return name, z.err[name]
}

func none[T any](list []T, name string, err error) ([]T, error) {
	if len(list) > 0 {
		return list, nil // an error is that of the other types
	}
	if err == nil {
		err = notFound(name)
	}
	return nil, err
}

func (z *zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	n, err := z.find(name)
	return none(z.txt[n], name, err)
}

func (z *zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	n, err := z.find(name)
	return none(z.mx[n], name, err)
}

func (z *zone) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	n, err := z.find(name)
	var out []net.IPAddr
	for _, a := range z.ip[n] {
		out = append(out, net.IPAddr{IP: net.ParseIP(a)})
	}
	return none(out, name, err)
}

func (z *zone) LookupAddr(_ context.Context, addr string) ([]string, error) {
	n, err := z.find(reverseName(netip.MustParseAddr(addr).Unmap()))
	return none(z.ptr[n], addr, err)
}

// crlf gives text the line ends of SMTP.
func crlf(text []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}

func split(raw []byte) Message {
	header, body := mail.SplitMessage(crlf(raw))
	return Message{Header: header, Body: bytes.NewReader(body)}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// then is a time at which none of the vectors has expired.
func then() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }
