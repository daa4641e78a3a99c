package core

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mtad/mtad/core/control"
	"github.com/mtad/mtad/core/mtasts"
	"github.com/mtad/mtad/core/tlsrpt"
	"github.com/mtad/mtad/sdk"
)

// policyOptions are those of MTA-STS that concern all domains.
type policyOptions struct {
	Store string `opt:"mta_sts_policy_store" scopes:"global" help:"Directory that keeps MTA-STS policies over a restart; default: mtasts in the spool. Read at start only."`
}

// tlsPolicies are what other domains ask of TLS, and what they are told.
type tlsPolicies struct {
	sts    *mtasts.Store
	report *tlsrpt.Reporter
	stop   context.CancelFunc
	done   chan struct{}
}

// newTLSPolicies makes them; what needs the resolver comes with startTLSPolicies.
func (c *Core) newTLSPolicies() *tlsPolicies {
	p := &tlsPolicies{done: make(chan struct{})}
	p.sts = &mtasts.Store{Dir: c.policyDir, Now: time.Now, Problem: c.problem("mta_sts")}
	p.report = &tlsrpt.Reporter{
		Options: func() *tlsrpt.Options { return &c.settings.Load().tlsrpt }, Hostname: c.hostname, NewID: c.newID,
		Inject: c.door.Inject, Now: time.Now, After: time.After, Problem: c.problem("tls_reporting"),
	}
	c.courier.Policies, c.courier.Report = p.sts, p.report.Report
	c.courier.Note = func(text string) {
		c.logs.Panic(sdk.LogRecord{Level: sdk.LevelNotice, Source: "delivery", Text: text})
	}
	return p
}

func (c *Core) policyDir() string {
	if dir := c.settings.Load().policies.Store; dir != "" {
		return dir
	}
	return filepath.Join(c.spoolDir, "mtasts")
}

func (c *Core) startTLSPolicies(context.Context) error {
	p := c.policies
	var d net.Dialer
	fetcher := &mtasts.Fetcher{Resolver: c.dns, Dial: d.DialContext}
	p.sts.Resolver, p.sts.Fetch = c.dns, fetcher.Fetch
	p.report.Resolver, p.report.Post = c.dns, tlsrpt.Poster(fetcher.Connect).Post
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	go func() {
		defer close(p.done)
		p.report.Run(ctx)
	}()
	return nil
}

func (c *Core) stopTLSPolicies(context.Context) {
	c.policies.stop()
	<-c.policies.done
}

// policyCommands are the console's commands about MTA-STS (reference/console.tsv).
func (c *Core) policyCommands() []control.Command {
	return []control.Command{
		{Name: "mta_sts list all", Usage: "[--json]", Help: "List the domains with an MTA-STS policy in memory.", Run: answering(lookTime, c.policyList)},
		{Name: "mta_sts show domain", Usage: "DOMAIN [--json]", Help: "Show a domain's MTA-STS policy.", Example: "mta_sts show domain example.com", Run: answering(lookTime, c.policyShow)},
		{Name: "mta_sts refresh policy", Usage: "DOMAIN [--json]", Help: "Fetch a domain's MTA-STS policy again.", Example: "mta_sts refresh policy example.com", Run: answering(lookTime, c.policyRefresh)},
	}
}

type policyDomains struct {
	Domains []string `json:"domains"`
}

func (p policyDomains) text(w io.Writer) {
	for _, d := range p.Domains {
		fmt.Fprintln(w, d)
	}
	fmt.Fprintf(w, "Total domains: %d\n", len(p.Domains))
}

func (c *Core) policyList(_ context.Context, args []string) (answer, error) {
	if len(args) > 0 {
		return nil, usage("mta_sts list all takes no words")
	}
	out := policyDomains{Domains: []string{}}
	for _, p := range c.policies.sts.Known() {
		out.Domains = append(out.Domains, p.Domain)
	}
	slices.Sort(out.Domains)
	return out, nil
}

type shownPolicy struct {
	mtasts.Policy
	now time.Time
}

func (p shownPolicy) text(w io.Writer) {
	fmt.Fprintf(w, "Domain '%s' has an MTA-STS policy\n\tid: %s\n", p.Domain, p.ID)
	refresh := max(0, p.Fetched.Add(24*time.Hour).Sub(p.now))
	fmt.Fprintf(w, "\tmax_age: %d seconds; refresh in %d seconds\n\tmode: %s\n\tmxlist:\n", int64(p.MaxAge/time.Second), int64(refresh/time.Second), p.Mode)
	for _, mx := range p.MX {
		fmt.Fprintf(w, "\t\t%s\n", mx)
	}
}

func (c *Core) policyShow(_ context.Context, args []string) (answer, error) {
	if len(args) != 1 {
		return nil, usage("name a domain")
	}
	for _, p := range c.policies.sts.Known() {
		if strings.EqualFold(p.Domain, strings.TrimSuffix(args[0], ".")) {
			return shownPolicy{p, time.Now()}, nil
		}
	}
	return said{"No MTA-STS policy of " + args[0] + " is known."}, nil
}

func (c *Core) policyRefresh(ctx context.Context, args []string) (answer, error) {
	if len(args) != 1 || !c.policies.sts.Refresh(args[0]) {
		return nil, usage("name a domain")
	}
	p, err := c.policies.sts.Policy(ctx, args[0])
	switch {
	case err != nil:
		return nil, fmt.Errorf("MTA-STS policy of %s: %w", args[0], err)
	case p == nil:
		return said{args[0] + " has no MTA-STS policy."}, nil
	}
	return said{"MTA-STS policy for " + args[0] + " refreshed."}, nil
}
