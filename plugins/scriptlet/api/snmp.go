package api

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
)

// The objects of a trap (RFC 3418 §2, and the manual's default variable).
const (
	oidUpTime  = "1.3.6.1.2.1.1.3.0"
	oidTrap    = "1.3.6.1.6.3.1.1.4.1.0"
	oidTrapVar = "1.3.6.1.4.1.19552.1.4.1.0"
	trapPort   = 162
)

// The tags of BER (ITU-T X.690 §8.1.2, RFC 2578 §7.1, RFC 3416 §3).
const (
	berInteger   = 0x02
	berOctets    = 0x04
	berOID       = 0x06
	berSequence  = 0x30
	berIPAddress = 0x40
	berCounter   = 0x41
	berGauge     = 0x42
	berTicks     = 0x43
	berTrap2     = 0xA7
)

// snmpPackage is msys.snmpTrap.
func snmpPackage() Package {
	return Package{
		Name: "msys", Preload: true,
		Funcs: []Func{{
			Name: "snmpTrap", Params: []Param{{Name: "trap", Type: Table}}, Returns: "true | nil, message", Phases: "any", Since: "3.0",
			Doc: `Sends an SNMP version 2c trap over UDP: type is "string", "counter", "gauge" or "IP", payload its value, address and port where to, ` +
				`community "public" by default, mib the trap's OID, and ["trapvar.mib"] the variable's.`,
			Example: `msys.snmpTrap({ type = "string", payload = "queue is long", address = "127.0.0.1", mib = "1.3.6.1.4.1.19552.2" })`,
			Status:  Partial, Why: "address must be given: the configuration has no trap destinations",
			Do: doSNMPTrap,
		}},
	}
}

func doSNMPTrap(e *Env, L *lua.LState) int {
	t := L.ToTable(1)
	text := func(key, otherwise string) string {
		if v := t.RawGetString(key); v != lua.LNil {
			return Text(L, v)
		}
		return otherwise
	}
	address, err := netip.ParseAddr(text("address", ""))
	if err != nil {
		L.RaiseError("msys.snmpTrap: address: %q is no IP address, and the configuration has no trap destinations", text("address", ""))
	}
	port, err := strconv.ParseUint(text("port", strconv.Itoa(trapPort)), 10, 16)
	if err != nil {
		L.RaiseError("msys.snmpTrap: port: %q is no port", text("port", ""))
	}
	value, err := trapValue(text("type", "string"), text("payload", ""))
	if err != nil {
		L.RaiseError("msys.snmpTrap: %s", err.Error())
	}
	packet, err := trapPacket(text("community", "public"), text("mib", ""), text("trapvar.mib", oidTrapVar), value)
	if err != nil {
		L.RaiseError("msys.snmpTrap: %s", err.Error())
	}
	if e.World.Config().CheckOnly {
		return failure(L, sdk.ErrNoIO.Error())
	}
	e.World.Spend(L, printSteps)
	e.World.Wait(L, false, func(ctx context.Context) {
		err = sendPacket(ctx, netip.AddrPortFrom(address, uint16(port)), packet)
	})
	if err != nil {
		return failure(L, err.Error())
	}
	return pushBool(L, true)
}

func sendPacket(ctx context.Context, to netip.AddrPort, packet []byte) error {
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(ctx, "udp", to.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write(packet)
	return err
}

// maxTrap bounds a payload, so that the trap is one datagram.
const maxTrap = 1024

func trapValue(kind, payload string) ([]byte, error) {
	switch strings.ToLower(kind) {
	case "string":
		if len(payload) > maxTrap {
			return nil, fmt.Errorf("payload: longer than %d bytes", maxTrap)
		}
		return ber(berOctets, []byte(payload)), nil
	case "counter", "gauge":
		n, err := strconv.ParseUint(payload, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("payload: %q is no number of 32 bits", payload)
		}
		tag := byte(berCounter)
		if strings.EqualFold(kind, "gauge") {
			tag = berGauge
		}
		return ber(tag, berNumber(n)), nil
	case "ip":
		a, err := netip.ParseAddr(payload)
		if err != nil || !a.Is4() {
			return nil, fmt.Errorf("payload: %q is no IPv4 address", payload)
		}
		return ber(berIPAddress, a.AsSlice()), nil
	}
	return nil, fmt.Errorf("type: %q (string, counter, gauge or IP expected)", kind)
}

// trapPacket is an SNMPv2-Trap-PDU in its message (RFC 3416 §4.2.6, RFC 1901 §3).
func trapPacket(community, trap, variable string, value []byte) ([]byte, error) {
	var bindings []byte
	for _, b := range []struct {
		name  string
		value []byte
	}{{oidUpTime, ber(berTicks, berNumber(0))}, {oidTrap, nil}, {variable, value}} {
		name, err := berObject(b.name)
		if err != nil {
			return nil, err
		}
		if b.value == nil {
			if b.value, err = berObject(trap); err != nil {
				return nil, fmt.Errorf("mib: %w", err)
			}
		}
		bindings = append(bindings, ber(berSequence, append(name, b.value...))...)
	}
	number := func(n uint64) []byte { return ber(berInteger, berNumber(n)) }
	pdu := append(append(append(number(uint64(time.Now().UnixNano()&0x7fffffff)), number(0)...), number(0)...), ber(berSequence, bindings)...)
	return ber(berSequence, append(append(number(1), ber(berOctets, []byte(community))...), ber(berTrap2, pdu)...)), nil
}

// ber is a value with its tag and length.
func ber(tag byte, value []byte) []byte {
	if len(value) < 0x80 {
		return append([]byte{tag, byte(len(value))}, value...)
	}
	return append([]byte{tag, 0x82, byte(len(value) >> 8), byte(len(value))}, value...)
}

// berNumber is a number that is not negative, in as few bytes as it takes.
func berNumber(n uint64) []byte {
	out := []byte{byte(n)}
	for n >>= 8; n > 0; n >>= 8 {
		out = append([]byte{byte(n)}, out...)
	}
	if out[0] >= 0x80 {
		out = append([]byte{0}, out...)
	}
	return out
}

// berObject is an object identifier from its dotted form.
func berObject(text string) ([]byte, error) {
	words := strings.Split(strings.TrimPrefix(text, "."), ".")
	var numbers []uint64
	for _, w := range words {
		n, err := strconv.ParseUint(w, 10, 32)
		if err != nil || len(words) > 128 {
			return nil, fmt.Errorf("%q is no object identifier", text)
		}
		numbers = append(numbers, n)
	}
	if len(numbers) < 2 || numbers[0] > 2 || numbers[0] < 2 && numbers[1] > 39 {
		return nil, fmt.Errorf("%q is no object identifier", text)
	}
	var out []byte
	for _, n := range append([]uint64{40*numbers[0] + numbers[1]}, numbers[2:]...) {
		part := []byte{byte(n & 0x7f)}
		for n >>= 7; n > 0; n >>= 7 {
			part = append([]byte{byte(n&0x7f) | 0x80}, part...)
		}
		out = append(out, part...)
	}
	return ber(berOID, out), nil
}
