package audit

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/mtad/mtad/sdk"
)

// Any number of clients fits into what max_networks allows, and none of them goes
// uncounted; a reload to less makes room, and keeps the counts.
func TestManyClients(t *testing.T) {
	now := time.Unix(1_795_300_000, 0)
	a := New(Config{Now: func() time.Time { return now }, After: time.After, Problem: func(text string) { t.Error(text) }})
	use := func(networks int, names ...string) {
		s := &Settings{networks: networks, maintenance: time.Minute}
		for _, name := range names {
			m, err := parseMonitor(name)
			if err != nil {
				t.Fatal(err)
			}
			s.monitors = append(s.monitors, m)
		}
		a.Use(s)
	}
	const clients = 20_000
	use(5000, "300,6", "1800,4")
	for i := range clients {
		a.Connected(netip.AddrFrom4([4]byte{10, byte(i), byte(i >> 8), 1}))
	}
	for _, reload := range []struct {
		networks int
		monitors []string
	}{{5000, []string{"300,6", "1800,4"}}, {100, []string{"300,6", "60,2"}}} {
		use(reload.networks, reload.monitors...)
		a.maintain()
		for _, m := range a.traffic.monitors {
			if m.tree.nodes > reload.networks {
				t.Errorf("%s: %d networks of %d", m.name, m.tree.nodes, reload.networks)
			}
		}
		n, err := a.Traffic(context.Background(), &sdk.TrafficQuery{Figure: sdk.TrafficConnections, Network: "10.0.0.0/8", Monitor: "300,6"})
		if err != nil || n != clients {
			t.Errorf("%d clients, %v", n, err)
		}
	}
	if _, err := a.Traffic(context.Background(), &sdk.TrafficQuery{Network: "10.0.0.0/8", Monitor: "1800,4"}); err == nil {
		t.Error("a monitor that is gone still answers")
	}
}
