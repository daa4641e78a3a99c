package rpc

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
	"github.com/mtad/mtad/sdk/rpc/pb"
)

// maxSchemaDepth bounds the nesting of a module's schema. It is the one
// recursive message that the core reads from a module, and an unbounded
// recursion would end the core's process.
const maxSchemaDepth = 64

func infoToPB(in sdk.Info) (*pb.Info, error) {
	schema, err := proto.Marshal(schemaToPB(&in.Schema))
	if err != nil {
		return nil, fmt.Errorf("schema of module %q: %w", in.Name, err)
	}
	return &pb.Info{
		Name:       in.Name,
		Version:    in.Version,
		Api:        int32(in.API),
		Schema:     schema,
		Help:       in.Help,
		CanQuery:   in.Powers&sdk.CanQuery != 0,
		CanControl: in.Powers&sdk.CanControl != 0,

		CanAuthenticate: in.Powers&sdk.CanAuthenticate != 0,
	}, nil
}

func (d *decoder) info(p *pb.Info) (sdk.Info, error) {
	in := sdk.Info{Name: d.str(p.Name), Version: d.str(p.Version), API: int(p.Api), Help: d.str(p.Help)}
	if p.CanQuery {
		in.Powers |= sdk.CanQuery
	}
	if p.CanControl {
		in.Powers |= sdk.CanControl
	}
	if p.CanAuthenticate {
		in.Powers |= sdk.CanAuthenticate
	}
	var schema pb.Schema
	if err := (proto.UnmarshalOptions{RecursionLimit: maxSchemaDepth}).Unmarshal(p.Schema, &schema); err != nil {
		return in, fmt.Errorf("schema of module %q: %w", in.Name, err)
	}
	in.Schema = d.schema(&schema)
	return in, nil
}

func schemaToPB(s *option.Schema) *pb.Schema {
	out := &pb.Schema{Name: s.Name, Instance: pb.InstanceRule(s.Instance), Open: s.Open, Help: s.Help}
	for i := range s.Options {
		o := &s.Options[i]
		out.Options = append(out.Options, &pb.Option{
			Name: o.Name, Type: pb.OptionType(o.Type), Unit: o.Unit, Default: o.Default,
			Enum: o.Enum, Scopes: o.Scopes, Help: o.Help,
		})
	}
	for i := range s.Scopes {
		out.Scopes = append(out.Scopes, schemaToPB(&s.Scopes[i]))
	}
	return out
}

func (d *decoder) schema(p *pb.Schema) option.Schema {
	s := option.Schema{Name: d.str(p.Name), Instance: enum[option.InstanceRule](int32(p.Instance)), Open: p.Open, Help: d.str(p.Help)}
	for _, o := range p.Options {
		s.Options = append(s.Options, option.Option{
			Name: d.str(o.Name), Type: enum[option.Type](int32(o.Type)), Unit: d.str(o.Unit), Default: d.str(o.Default),
			Enum: d.strs(o.Enum), Scopes: d.strs(o.Scopes), Help: d.str(o.Help),
		})
	}
	for _, inner := range p.Scopes {
		s.Scopes = append(s.Scopes, d.schema(inner))
	}
	return s
}

func configToPB(c *sdk.Config) *pb.Config {
	out := &pb.Config{
		Generation:  c.Generation,
		CheckOnly:   c.CheckOnly,
		RunInit:     c.RunInit,
		Hostname:    c.Hostname,
		Scopes:      scopesToPB(c.Scopes),
		Bindings:    c.Bindings,
		Datasources: c.Datasources,
		Pools:       c.Pools,
	}
	for i := range c.BindingGroups {
		g := &c.BindingGroups[i]
		out.BindingGroups = append(out.BindingGroups, &pb.Group{Name: g.Name, Bindings: g.Bindings})
	}
	return out
}

func (d *decoder) config(p *pb.Config) sdk.Config {
	c := sdk.Config{
		Generation:  p.Generation,
		CheckOnly:   p.CheckOnly,
		RunInit:     p.RunInit,
		Hostname:    d.str(p.Hostname),
		Scopes:      d.scopes(p.Scopes),
		Bindings:    d.strs(p.Bindings),
		Datasources: d.strs(p.Datasources),
		Pools:       d.strs(p.Pools),
	}
	for _, g := range p.BindingGroups {
		c.BindingGroups = append(c.BindingGroups, sdk.Group{Name: d.str(g.Name), Bindings: d.strs(g.Bindings)})
	}
	return c
}

func scopesToPB(list []option.Scope) []*pb.Scope {
	var out []*pb.Scope
	for i := range list {
		s := &list[i]
		p := &pb.Scope{Name: s.Name, Instance: s.Instance, Scopes: scopesToPB(s.Scopes), Pos: posToPB(s.Pos)}
		for j := range s.Attrs {
			a := &s.Attrs[j]
			p.Attrs = append(p.Attrs, &pb.Attr{Name: a.Name, Value: valueToPB(&a.Value), Pos: posToPB(a.Pos)})
		}
		out = append(out, p)
	}
	return out
}

func (d *decoder) scopes(list []*pb.Scope) []option.Scope {
	var out []option.Scope
	for _, p := range list {
		s := option.Scope{Name: d.str(p.Name), Instance: d.str(p.Instance), Scopes: d.scopes(p.Scopes), Pos: d.pos(p.Pos)}
		for _, a := range p.Attrs {
			s.Attrs = append(s.Attrs, option.Attr{Name: d.str(a.Name), Value: d.value(a.Value), Pos: d.pos(a.Pos)})
		}
		out = append(out, s)
	}
	return out
}

func valueToPB(v *option.Value) *pb.Value {
	out := &pb.Value{Kind: pb.ValueKind(v.Kind), Text: valid(v.Text), Pos: posToPB(v.Pos)}
	for i := range v.List {
		out.List = append(out.List, valueToPB(&v.List[i]))
	}
	for i := range v.Dict {
		out.Dict = append(out.Dict, &pb.Entry{Key: v.Dict[i].Key, Value: valueToPB(&v.Dict[i].Value)})
	}
	return out
}

func (d *decoder) value(p *pb.Value) option.Value {
	if p == nil {
		return option.Value{}
	}
	v := option.Value{Kind: enum[option.Kind](int32(p.Kind)), Text: d.str(p.Text), Pos: d.pos(p.Pos)}
	for _, e := range p.List {
		v.List = append(v.List, d.value(e))
	}
	for _, e := range p.Dict {
		v.Dict = append(v.Dict, option.Entry{Key: d.str(e.Key), Value: d.value(e.Value)})
	}
	return v
}

func posToPB(p option.Pos) *pb.Pos {
	if p == (option.Pos{}) {
		return nil
	}
	return &pb.Pos{File: valid(p.File), Line: int32(p.Line), Column: int32(p.Column)}
}

func (d *decoder) pos(p *pb.Pos) option.Pos {
	if p == nil {
		return option.Pos{}
	}
	return option.Pos{File: d.str(p.File), Line: int(p.Line), Column: int(p.Column)}
}

func subscriptionToPB(s *sdk.Subscription) *pb.Subscription {
	out := &pb.Subscription{Controls: s.Controls, Warnings: problemsToPB(s.Warnings), AuthSchemes: s.AuthSchemes, AdaptiveRules: s.AdaptiveRules}
	for _, h := range s.Hooks.List() {
		out.Hooks = append(out.Hooks, pb.Hook(h))
	}
	return out
}

// subscription ignores hooks that this version does not know.
func (d *decoder) subscription(p *pb.Subscription) sdk.Subscription {
	s := sdk.Subscription{Controls: d.strs(p.Controls), Warnings: d.problems(p.Warnings), AuthSchemes: d.strs(p.AuthSchemes), AdaptiveRules: cloneAll(p.AdaptiveRules)}
	for _, h := range p.Hooks {
		if h > 0 && int(h) < sdk.HookCount {
			s.Hooks.Add(sdk.Hook(h))
		}
	}
	return s
}

// cloneAll copies texts out of the frame that they came in.
func cloneAll(list [][]byte) [][]byte {
	var out [][]byte
	for _, text := range list {
		out = append(out, bytes.Clone(text))
	}
	return out
}

func problemsToPB(list []sdk.Problem) []*pb.Problem {
	var out []*pb.Problem
	for _, p := range list {
		out = append(out, &pb.Problem{
			File: valid(p.File), Line: int32(p.Line), Column: int32(p.Column),
			Text: valid(p.Text), Snippet: valid(p.Snippet), Severity: uint32(p.Severity),
		})
	}
	return out
}

func (d *decoder) problems(list []*pb.Problem) []sdk.Problem {
	var out []sdk.Problem
	for _, p := range list {
		out = append(out, sdk.Problem{
			File: d.str(p.File), Line: int(p.Line), Column: int(p.Column),
			Text: d.str(p.Text), Snippet: d.str(p.Snippet), Severity: sdk.Severity(p.Severity),
		})
	}
	return out
}

func logToPB(r sdk.LogRecord) *pb.Log {
	return &pb.Log{Time: nanos(r.Time), Level: pb.Level(r.Level), Source: valid(r.Source), Text: wire(r.Text)}
}

func (d *decoder) log(p *pb.Log) sdk.LogRecord {
	return sdk.LogRecord{Time: timeFrom(p.Time), Level: enum[sdk.Level](int32(p.Level)), Source: d.str(p.Source), Text: d.text(p.Text)}
}

func endsToPB(ends []sdk.SessionEnd) *pb.SessionsEnded {
	out := &pb.SessionsEnded{}
	for _, e := range ends {
		out.Ends = append(out.Ends, &pb.SessionEnd{Session: e.Session, Generation: e.Generation})
	}
	return out
}

func endsFromPB(p *pb.SessionsEnded, ends []sdk.SessionEnd) []sdk.SessionEnd {
	for _, e := range p.Ends {
		ends = append(ends, sdk.SessionEnd{Session: e.Session, Generation: e.Generation})
	}
	return ends
}
