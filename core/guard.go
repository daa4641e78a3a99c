package core

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/core/auth"
	"github.com/mtad/mtad/core/control"
	"github.com/mtad/mtad/core/logs"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// guardOptions say who gives orders at a control listener.
type guardOptions struct {
	Required    bool              `opt:"enable_authentication" default:"true" scopes:"control_listener" help:"A TCP endpoint asks for a user and a password. Unix sockets never do: the system says who it is."`
	AlwaysAllow bool              `opt:"always_allow" default:"false" scopes:"control_listener" help:"Let a TCP endpoint answer without authentication: whoever can connect gives orders."`
	AlwaysDeny  bool              `opt:"always_deny" default:"false" scopes:"control_listener" help:"Authentication fails whatever the credentials are; it beats always_allow."`
	Login       map[string]string `opt:"authloginparameters" type:"dict" scopes:"control_listener" help:"Where consoles' passwords are: uri and log_authentication. The console sends the password in the clear."`
	Digest      map[string]string `opt:"authdigestmd5parameters" type:"dict" scopes:"control_listener" help:"The same, for a digest:// file: uri, realm and log_authentication."`
	CRAM        map[string]string `opt:"authcrammd5parameters" type:"dict" scopes:"control_listener" help:"The same as authloginparameters."`

	Authorize bool              `opt:"enable_authorization" default:"false" scopes:"control_listener,listen,peer" help:"A command needs a rule of the authorization scope that allows it."`
	Roles     map[string]string `opt:"authorizationparameters" type:"dict" scopes:"control_listener,listen" help:"Where the roles of a user are: uri, groups:// or a scheme."`
}

// roleOptions are a role scope.
type roleOptions struct {
	Name  string     `opt:",instance,required"`
	Pos   option.Pos `opt:",pos"`
	Allow []string   `opt:"allow" type:"list" help:"Regular expressions of commands that the role, or the user of that name, may give."`
}

// authorizationOptions are the authorization scope.
type authorizationOptions struct {
	Roles []roleOptions `scope:"role" help:"What a role may do."`
}

func authorizationScope() option.Schema {
	s := option.SchemaOf("authorization", authorizationOptions{})
	s.Help = "What console users may do where enable_authorization is on: nothing that no rule allows."
	return s
}

// role is what a role may do.
type role struct {
	name  string
	allow []*regexp.Regexp
}

func readRoles(scopes []*option.Scope) ([]role, option.Problems) {
	var out []role
	var bad option.Problems
	for _, scope := range scopes {
		var o authorizationOptions
		bad = append(bad, option.Decode(scope, &o)...)
		for _, r := range o.Roles {
			one := role{name: r.Name}
			for _, text := range r.Allow {
				re, err := regexp.Compile(text)
				if err != nil {
					bad = append(bad, option.Problem{Pos: r.Pos, Text: fmt.Sprintf("allow: %v", err)})
					continue
				}
				one.allow = append(one.allow, re)
			}
			out = append(out, one)
		}
	}
	return out, bad
}

// guard is who may give orders at a control listener.
type guard struct {
	options guardOptions
	listen  string
	open    bool          // whoever connects
	login   []auth.Target // where passwords are: one, or none
	roles   []auth.Target // where roles are: one, or none
	bad     []string
}

// guardFor resolves the options of a peer at a control listener.
func (s *settings) guardFor(listen string, peer netip.Addr) *guard {
	if !peer.IsValid() {
		peer = netip.AddrFrom4([4]byte{127, 0, 0, 1}) // Unix sockets match as loopback (reference/console.tsv)
	}
	g := &guard{listen: listen}
	layers := s.tree.Layers.Session(conf.SessionKey{Listener: "control_listener", Listen: listen, Peer: peer.Unmap()})
	option.DecodeLayers(&g.options, layers...)
	o := &g.options
	g.open = (o.AlwaysAllow || strings.HasPrefix(listen, "/")) && !o.AlwaysDeny
	for _, dict := range []map[string]string{o.Login, o.Digest, o.CRAM} {
		if dict != nil && g.login == nil {
			g.add(&g.login, dict)
		}
	}
	if o.Authorize {
		g.add(&g.roles, o.Roles)
	}
	return g
}

func (g *guard) add(to *[]auth.Target, dict map[string]string) {
	t, err := auth.NewTarget(dict)
	if err != nil {
		g.bad = append(g.bad, err.Error())
		return
	}
	*to = append(*to, t)
}

// checkGuard says what is wrong with a control listener's authentication.
func (s *settings) checkGuard(listen *option.Scope) option.Problems {
	var bad option.Problems
	for _, peer := range append(listen.Children("peer"), nil) {
		addr := netip.Addr{}
		if peer != nil {
			addr, _ = firstAddr(peer.Instance)
		}
		for _, text := range s.guardFor(listen.Instance, addr).bad {
			bad = append(bad, option.Problem{Pos: listen.Pos, Text: fmt.Sprintf("the console at %q: authentication: %s", listen.Instance, text)})
		}
	}
	g := s.guardFor(listen.Instance, anybody())
	if !g.open && (g.login == nil || !g.options.Required) && !g.options.AlwaysDeny {
		bad = append(bad, option.Problem{Pos: listen.Pos, Text: fmt.Sprintf("the console at %q would obey whoever connects: use a socket's path, give it authloginparameters, or set always_allow = true here", listen.Instance)})
	}
	return bad
}

// guard is what the console's server asks for each connection.
func (c *Core) guard(listen string, peer netip.AddrPort) *control.Guard {
	s := c.settings.Load()
	g := s.guardFor(listen, peer.Addr())
	out := &control.Guard{Connected: func(user string) {
		c.account(&logs.Authentication{Now: time.Now(), Listener: listen, User: user, OK: true})
	}}
	if !g.open {
		out.Authenticate = func(ctx context.Context, peer, user, password string) bool {
			return c.authenticate(ctx, g, &logs.Authentication{Listener: listen, Peer: peer, User: user}, password)
		}
	}
	switch {
	case g.options.AlwaysDeny:
		out.Authorize = func(context.Context, string, string, string) bool { return false }
	case g.options.Authorize:
		out.Authorize = func(ctx context.Context, peer, user, command string) bool {
			return c.authorize(ctx, g, &logs.Authorization{
				Authentication: logs.Authentication{Listener: listen, Peer: peer, User: user}, Command: command,
			})
		}
	}
	return out
}

// authenticate decides about a console's user, and logs it where
// log_authentication says so.
func (c *Core) authenticate(ctx context.Context, g *guard, a *logs.Authentication, password string) bool {
	if len(g.login) > 0 && !g.options.AlwaysDeny {
		a.OK = c.auth.Authenticate(ctx, &g.login[0], &auth.Proof{User: a.User, Crypt: auth.Clear, Password: password}) == sdk.AuthOK
	}
	if len(g.login) > 0 && g.login[0].Logs() {
		a.Now = time.Now()
		c.account(a)
	}
	return a.OK
}

// authorize decides about an order: the user's name and each role is tried, and
// the first rule that matches allows it; what none allows is denied (manual,
// Control_Listener authorization).
func (c *Core) authorize(ctx context.Context, g *guard, z *logs.Authorization) bool {
	names := []string{z.User}
	if len(g.roles) > 0 && z.User != "" {
		groups, status := c.auth.Groups(ctx, &g.roles[0], z.User)
		z.Failed = status == sdk.AuthError
		names = append(names, groups...)
	}
	z.Role, z.OK = allows(c.settings.Load().roles, names, z.Command)
	z.Failed = z.Failed && !z.OK
	z.Now = time.Now()
	c.logs.Authorization(z)
	return z.OK
}

func allows(rules []role, names []string, command string) (by string, ok bool) {
	for _, name := range names {
		for i := range rules {
			if rules[i].name != name || name == "" {
				continue
			}
			for _, re := range rules[i].allow {
				if re.MatchString(command) {
					return name, true
				}
			}
		}
	}
	return "", false
}
