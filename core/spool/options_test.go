package spool_test

import (
	"testing"

	"github.com/mtad/mtad/core/spool"
	"github.com/mtad/mtad/sdk/option"
)

func scope(pairs ...string) *option.Scope {
	s := &option.Scope{}
	for i := 0; i < len(pairs); i += 2 {
		s.Attrs = append(s.Attrs, option.Attr{Name: pairs[i], Value: option.Value{Kind: option.KindString, Text: pairs[i+1]}})
	}
	return s
}

func TestReadConfig(t *testing.T) {
	c, problems := spool.ReadConfig(scope())
	if problems != nil {
		t.Fatal(problems)
	}
	o := c.Options()
	if o.Dir != "/var/spool/mtad" || o.Unsafe || o.MinFree != 100<<20 || o.FS != (spool.OS{Mode: 0o640}) || c.Warnings() != nil {
		t.Errorf("defaults: %+v, %v", o, c.Warnings())
	}
	c, problems = spool.ReadConfig(scope("spoolbase", "/s", "spool_mode", "0600", "_unsafe_spool", "true", "min_free_space", "5", "hostname", "x"))
	o = c.Options()
	if problems != nil || o.Dir != "/s" || !o.Unsafe || o.MinFree != 5 || o.FS != (spool.OS{Mode: 0o600}) {
		t.Errorf("%+v, %v", o, problems)
	}
	c, _ = spool.ReadConfig(scope("force_fsync", "false"))
	if len(c.Warnings()) != 1 {
		t.Errorf("force_fsync = false: %v", c.Warnings())
	}
	if _, problems = spool.ReadConfig(scope("spool_mode", "rw")); problems == nil {
		t.Error("a mode that is none was taken")
	}
}
