package api

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"testing"
)

func TestSNMPTrap(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	w := newWorld(t)
	to := fmt.Sprintf(`address = "127.0.0.1", port = %d, mib = "1.3.6.1.4.1.19552.2"`, conn.LocalAddr().(*net.UDPAddr).Port)
	for fields, want := range map[string]string{
		`type = "string", payload = "hi", community = "inside"`: "8198600104010004026869",
		`type = "counter", payload = 300`:                       "4102012c",
		`type = "gauge", payload = 4294967295`:                  "420500ffffffff",
		`type = "IP", payload = "192.0.2.1"`:                    "4004c0000201",
	} {
		w.is("true", `return msys.snmpTrap({ `+fields+`, `+to+` })`)
		b := make([]byte, 2000)
		n, _, err := conn.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		tail, _ := hex.DecodeString(want)
		if !bytes.HasSuffix(b[:n], tail) || b[0] != berSequence || int(b[1]) != n-2 || b[4] != 1 {
			t.Errorf("%s: %x", fields, b[:n])
		}
	}
	for fields, want := range map[string]string{
		`payload = "x"`: "no trap destinations", `address = "127.0.0.1", port = 99999`: "is no port",
		`address = "127.0.0.1", type = "table"`: "string, counter, gauge or IP expected", `address = "127.0.0.1", mib = "x"`: "is no object identifier",
		`address = "127.0.0.1", type = "gauge", payload = "x"`: "no number of 32 bits", `address = "127.0.0.1", type = "IP", payload = "::1"`: "no IPv4 address",
	} {
		w.raises(want, `msys.snmpTrap({ `+fields+` })`)
	}
}
