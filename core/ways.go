package core

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mtad/mtad/core/binding"
	"github.com/mtad/mtad/core/delivery"
	"github.com/mtad/mtad/core/queue"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/smtp"
)

// ways is which bindings can be used.
type ways struct {
	missing atomic.Pointer[map[string]string] // binding to what it lacks
	look    chan struct{}                     // asks for a look at the addresses
	stop    chan struct{}
	running sync.WaitGroup
	looking sync.Mutex
	word    string // of config reload, in place of removed_bindings; under Core.reload
}

// addressCheck is how often the source addresses are looked at: one that comes
// back, as it does when a node takes over, is used after that time at most.
const addressCheck = 10 * time.Second

// closed says why nothing may leave through a lane's binding.
func (c *Core) closed(key queue.Lane) string {
	s := c.settings.Load()
	if _, ok := s.bindings.Find(key.Binding); !ok {
		return fmt.Sprintf("there is no binding %q in the configuration; rebind gives its mail to others", key.Binding)
	}
	if key.Binding == binding.Default && s.globals.DefaultBinding == "suspended" {
		return "default_binding is suspended"
	}
	if missing := c.ways.missing.Load(); missing != nil {
		return (*missing)[key.Binding]
	}
	return ""
}

// closedBy is the option that closed goes back to.
func (c *Core) closedBy(key queue.Lane) string {
	s := c.settings.Load()
	switch _, ok := s.bindings.Find(key.Binding); {
	case !ok:
		return "removed_bindings"
	case key.Binding == binding.Default && s.globals.DefaultBinding == "suspended":
		return "default_binding"
	}
	return "bind_address"
}

// replyUnbound is the answer to mail that no policy bound where default_binding
// is none.
var replyUnbound = smtp.NewReply(451, "4.3.5", "no route for this message at this time, please try again later")

func (c *Core) unbound() *smtp.Reply {
	if c.settings.Load().globals.DefaultBinding == "none" {
		return replyUnbound
	}
	return nil
}

// replyBlackholed is the answer to recipients of a blackhole domain.
var replyBlackholed = smtp.NewReply(550, "5.7.1", "mail for this recipient is not accepted")

// blackholed refuses recipients where blackhole is true or inline for the domain.
// A binding's blackhole counts later: no binding is known at RCPT.
func (c *Core) blackholed(domain string) *smtp.Reply {
	key := queue.Lane{Group: binding.Default, Binding: binding.Default, Domain: domain}
	switch c.settings.Load().lane(key).queue.Blackhole {
	case "true", "inline":
		return replyBlackholed
	}
	return nil
}

// missingAddresses are the bindings of which a source address is not on this
// machine. Names are left to delivery, which looks them up.
func (s *settings) missingAddresses(here func(netip.Addr) bool) map[string]string {
	out := map[string]string{}
	for _, name := range s.bindings.Names() {
		b, _ := s.bindings.Find(name)
		var o delivery.Options
		option.DecodeLayers(&o, s.tree.Layers.Outbound(b.Group, b.Name, "")...)
		for _, text := range []string{o.BindAddress, o.BindSecondary} {
			addr, err := netip.ParseAddr(text)
			if err == nil && !addr.IsUnspecified() && !here(addr.Unmap()) {
				out[name] = fmt.Sprintf("its address %s is not on this machine", addr)
			}
		}
	}
	return out
}

// localAddresses tells which addresses a connection can come from: those of the
// interfaces, and those that the system lets us bind all the same (a routed
// prefix, ip_nonlocal_bind).
func localAddresses() func(netip.Addr) bool {
	own := map[netip.Addr]bool{}
	list, _ := net.InterfaceAddrs() // where it fails each is tried
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own[p.Addr().Unmap()] = true
		}
	}
	return func(addr netip.Addr) bool {
		if own[addr] {
			return true
		}
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
		if err != nil {
			return !errors.Is(err, syscall.EADDRNOTAVAIL)
		}
		_ = l.Close() // it was only a try
		return true
	}
}

// lookAtAddresses finds out which bindings lack their address, and says what has
// changed. True: something has.
func (c *Core) lookAtAddresses() bool {
	c.ways.looking.Lock()
	defer c.ways.looking.Unlock()
	s := c.settings.Load()
	now := s.missingAddresses(localAddresses())
	old := map[string]string{}
	if p := c.ways.missing.Swap(&now); p != nil {
		old = *p
	}
	changed := false
	for name, why := range now {
		if old[name] != why {
			changed = true
			c.logs.Panic(sdk.LogRecord{Level: sdk.LevelCritical, Source: "core", Text: fmt.Sprintf("binding %q is suspended: %s", name, why)})
		}
	}
	for name := range old {
		if _, there := s.bindings.Find(name); there && now[name] == "" {
			changed = true
			c.logs.Panic(sdk.LogRecord{Level: sdk.LevelNotice, Source: "core", Text: fmt.Sprintf("binding %q has its address again", name)})
		}
	}
	return changed
}

// startBindings watches the bindings' addresses.
func (c *Core) startBindings(context.Context) error {
	c.warnOfLostBindings()
	if c.lookAtAddresses() {
		c.queue.Refresh()
	}
	c.ways.running.Go(func() {
		for {
			select {
			case <-c.ways.stop:
				return
			case <-c.ways.look:
			case <-time.After(addressCheck):
			}
			if c.lookAtAddresses() {
				c.queue.Refresh()
			}
		}
	})
	return nil
}

func (c *Core) stopBindings() {
	close(c.ways.stop)
	c.ways.running.Wait()
}

// connected is told of each outbound connection that was made, or not.
func (c *Core) connected(lane queue.Lane, to netip.AddrPort, err error) {
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		select {
		case c.ways.look <- struct{}{}:
		default:
		}
	}
	c.outbound.connected(lane, to, err)
}

// queuedIn counts the mail of bindings that a configuration does not have.
func (c *Core) queuedIn(s *settings) (names []string, mail map[string]int) {
	mail = map[string]int{}
	for _, l := range c.queue.Sizes() {
		if _, ok := s.bindings.Find(l.Binding); !ok && l.Binding != binding.Suspended {
			mail[l.Binding] += l.Active + l.Delayed
		}
	}
	for name := range mail {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, mail
}

// warnOfLostBindings tells of mail that was left in bindings which are no more.
func (c *Core) warnOfLostBindings() {
	names, mail := c.queuedIn(c.settings.Load())
	for _, name := range names {
		c.warn([]string{fmt.Sprintf("%d messages wait in binding %q, which is not in the configuration; rebind %s gives them to others", mail[name], name, name)})
	}
}

// checkRemoved refuses a configuration that takes away a binding with mail,
// unless it is said what becomes of that. The original sends it from the default
// binding and says nothing.
func (c *Core) checkRemoved(p *prepared) error {
	now := c.settings.Load()
	if now == nil {
		return nil
	}
	names, mail := c.queuedIn(p.settings)
	names = slices.DeleteFunc(names, func(name string) bool {
		_, was := now.bindings.Find(name)
		return !was // it waits since before
	})
	word := c.ways.word
	if word == "" {
		word = p.settings.globals.Removed
	}
	var refused []string
	for _, name := range names {
		switch word {
		case "rebind":
			p.rebind = append(p.rebind, name)
			p.warnings = append(p.warnings, fmt.Sprintf("binding %q is gone; policy binds its %d messages again", name, mail[name]))
		case "suspend":
			p.warnings = append(p.warnings, fmt.Sprintf("binding %q is gone; its %d messages wait until it is back, or for rebind", name, mail[name]))
		default:
			refused = append(refused, fmt.Sprintf("binding %q is gone, and %d messages are queued for it; config reload rebind gives them to others, config reload suspend lets them wait (removed_bindings)", name, mail[name]))
		}
	}
	if len(refused) > 0 {
		return errors.New(strings.Join(refused, "\n"))
	}
	return nil
}

// removedWord reads the word of config reload.
func removedWord(args []string) (string, error) {
	switch {
	case len(args) == 0:
		return "", nil
	case len(args) == 1 && (args[0] == "rebind" || args[0] == "suspend"):
		return args[0], nil
	}
	return "", usage("config reload takes rebind or suspend")
}

// rebindRemoved has policy bind the mail of bindings that are gone. Mail that it
// fails on waits.
func (c *Core) rebindRemoved(names []string) {
	for _, name := range names {
		c.ways.running.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			c.ways.running.Go(func() {
				select {
				case <-c.ways.stop:
				case <-ctx.Done():
				}
				cancel()
			})
			n, err := c.queue.RebindMail(ctx, &queue.Selection{Binding: name})
			text := fmt.Sprintf("%d messages of binding %q were bound again, %d were not", n.Done, name, n.Kept+n.Busy)
			if err != nil {
				text += ": " + err.Error()
			}
			c.logs.Panic(sdk.LogRecord{Level: sdk.LevelNotice, Source: "core", Text: text})
		})
	}
}
