package core

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/mtad/mtad/conf"
	"github.com/mtad/mtad/core/auth"
	"github.com/mtad/mtad/core/httpd"
	"github.com/mtad/mtad/sdk/option"
)

// httpLoggerOptions are an http_logger scope (reference/modules.tsv).
type httpLoggerOptions struct {
	Log     string `opt:"log" default:"/var/log/mtad/httplog.ec" help:"A line for each request that an http_listener answered."`
	Enabled bool   `opt:"enabled" default:"true" help:"Write at all."`
}

// httpModeOptions are those of an HTTP socket itself.
type httpModeOptions struct {
	Mode uint32 `opt:"file_mode" type:"octal" default:"0660" scopes:"http_listener,listen" help:"Permissions of a socket's path."`
}

// httpListen is a listen scope of http_listener.
type httpListen struct {
	name string
	mode os.FileMode
}

func (s *settings) httpLogger(root *option.Scope) option.Problems {
	var bad option.Problems
	for _, scope := range root.Children("http_logger") {
		var o httpLoggerOptions
		if bad = append(bad, option.Decode(scope, &o)...); o.Enabled {
			setPath(&s.logs.HTTPlog, o.Log)
		}
	}
	return bad
}

// httpListeners collects the endpoints.
func (s *settings) httpListeners(root *option.Scope) option.Problems {
	var bad option.Problems
	for _, l := range root.Children("http_listener") {
		for _, listen := range l.Children("listen") {
			var o listenerOptions
			var m httpModeOptions
			bad = append(bad, option.DecodeLayers(&o, root, l, listen)...)
			if bad = append(bad, option.DecodeLayers(&m, root, l, listen)...); o.Enable {
				s.http = append(s.http, httpListen{listen.Instance, os.FileMode(m.Mode)})
			}
		}
	}
	return bad
}

// eachHTTPPeer calls f as eachPeer does, for http_listener.
func (s *settings) eachHTTPPeer(f func(listen *option.Scope, pos option.Pos, peer netip.Addr)) {
	for _, l := range s.tree.Root.Children("http_listener") {
		for _, listen := range l.Children("listen") {
			f(listen, listen.Pos, anybody())
			for _, peer := range append(l.Children("peer"), listen.Children("peer")...) {
				if addr, ok := firstAddr(peer.Instance); ok {
					f(listen, peer.Pos, addr)
				}
			}
		}
	}
}

// tryHTTPProfiles makes the profile of every listener and peer once, and refuses
// those that would let in whoever connects.
func (s *settings) tryHTTPProfiles() option.Problems {
	var bad option.Problems
	s.eachHTTPPeer(func(listen *option.Scope, pos option.Pos, peer netip.Addr) {
		p, err := s.httpProfile(listen.Instance, peer)
		if err == nil {
			err = p.CheckAt(listen.Instance)
		}
		if err != nil {
			bad = append(bad, option.Problem{Pos: pos, Text: fmt.Sprintf("http_listener at %q: %v", listen.Instance, err)})
			return
		}
		if p.InClear(listen.Instance) {
			s.warnings = append(s.warnings, fmt.Sprintf("%s: http_listener at %q: tokens and passwords cross the network in the clear; use_ssl = true encrypts them", pos, listen.Instance))
		}
	})
	return bad
}

// httpProfile resolves the options of a client at an HTTP listener.
func (s *settings) httpProfile(listen string, peer netip.Addr) (*httpd.Profile, error) {
	layers := s.tree.Layers.Session(conf.SessionKey{Listener: "http_listener", Listen: listen, Peer: peer})
	var key layersKey
	copy(key[:], layers)
	if p, ok := s.requests.profiles.Load(key); ok {
		return p.(*httpd.Profile), nil
	}
	var o httpd.Options
	option.DecodeLayers(&o, layers...)
	p, err := httpd.NewProfile(o)
	if err != nil {
		return nil, err
	}
	p.PathwayGroup = s.tree.Layers.PathwayGroup(p.Pathway)
	s.requests.profiles.Store(key, p)
	return p, nil
}

// eachHTTPTarget calls f for every place where passwords of HTTP are looked up.
func (s *settings) eachHTTPTarget(f func(pos option.Pos, t auth.Target)) {
	s.eachHTTPPeer(func(listen *option.Scope, pos option.Pos, peer netip.Addr) {
		if p, err := s.httpProfile(listen.Instance, peer); err == nil {
			if t, ok := p.AuthTarget(); ok {
				f(pos, t)
			}
		}
	})
}

func (c *Core) httpServer() *httpd.Server {
	return httpd.New(httpd.Config{
		Validator: c.validator, Door: c.door, Auth: c.auth, Account: c.account,
		Request: c.answered, ProfileFor: c.httpProfileFor, Hostname: c.hostname, NewID: c.newID,
		Problem: c.problem("httpd"), Now: time.Now,
	})
}

// httpProfileFor is what httpd asks for each request (profile).
func (c *Core) httpProfileFor(listen string, peer netip.Addr) *httpd.Profile {
	p, err := c.settings.Load().httpProfile(listen, peer)
	if err != nil {
		c.problem("httpd")(fmt.Sprintf("options of listener %q for %s: %v", listen, peer, err))
		return nil
	}
	return p
}

// startHTTP listens on every endpoint before any of them accepts.
func (c *Core) startHTTP(context.Context) error {
	p := &prepared{settings: c.settings.Load()}
	if err := c.prepareHTTP(p); err != nil {
		p.closeListeners()
		return err
	}
	c.commitHTTP(p)
	return nil
}

// drainHTTP ends service over HTTP. SMTP takes no connections either by then.
func (c *Core) drainHTTP(ctx context.Context) {
	c.closeListeners()
	c.http.Drain(ctx)
}

// prepareHTTP opens the endpoints that are new.
func (c *Core) prepareHTTP(p *prepared) error {
	p.endpoints = map[string]*httpd.Listener{}
	for _, h := range p.settings.http {
		if c.endpoints[h.name] != nil || p.endpoints[h.name] != nil {
			continue
		}
		l, err := c.http.Listen(h.name, h.mode)
		if err != nil {
			return fmt.Errorf("http_listener: %w", err)
		}
		p.endpoints[h.name] = l
	}
	return nil
}

// commitHTTP accepts at new endpoints, and closes those that are gone.
func (c *Core) commitHTTP(p *prepared) {
	for name, l := range p.endpoints {
		c.endpoints[name] = l
		l.Start()
	}
	for name, l := range c.endpoints {
		if !slices.ContainsFunc(p.settings.http, func(h httpListen) bool { return h.name == name }) {
			_ = l.Close() // the socket is gone either way
			delete(c.endpoints, name)
		}
	}
}
