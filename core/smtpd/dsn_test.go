package smtpd

import (
	"testing"

	"github.com/mtad/mtad/core/message"
)

func TestDSNParameters(t *testing.T) {
	for arg, want := range map[string]message.DSN{
		" NOTIFY=SUCCESS,failure ORCPT=rfc822;a+2Bb@example.com": {Notify: message.NotifySuccess | message.NotifyFailure, ORcpt: "rfc822;a+2Bb@example.com"},
		" notify=NEVER":              {Notify: message.NotifyNever},
		" ORCPT=utf-8;\\x{FC}@x.org": {ORcpt: "utf-8;\\x{FC}@x.org"},
	} {
		if got, refusal := parseRcptDSN(arg); refusal != nil || got != want {
			t.Errorf("%q: %+v %v", arg, got, refusal)
		}
	}
	for arg, want := range map[string]int{
		" NOTIFY=NEVER,SUCCESS": 501, " NOTIFY=": 501, " NOTIFY=DELAY NOTIFY=DELAY": 501, " ORCPT=x": 501, " ORCPT=rfc822;a=b": 501,
		" ORCPT=rfc822;a+zz": 501, " ORCPT=rfc822;a+2": 501, " SIZE=1": 555,
	} {
		if got, refusal := parseRcptDSN(arg); refusal == nil || refusal.Code != want {
			t.Errorf("%q: %+v %v", arg, got, refusal)
		}
	}
	allow := mailExtensions{dsn: true}
	if p, refusal := parseMailParams(" RET=hdrs ENVID=a+20b", allow); refusal != nil || p.ret != "HDRS" || p.envID != "a+20b" {
		t.Errorf("%+v %v", p, refusal)
	}
	for _, arg := range []string{" RET=ALL", " RET=FULL RET=FULL", " ENVID=", " ENVID=a=b"} {
		if p, refusal := parseMailParams(arg, allow); refusal == nil {
			t.Errorf("%q is taken: %+v", arg, p)
		}
	}
	if _, refusal := parseMailParams(" RET=FULL", mailExtensions{}); refusal != replyNoParam {
		t.Errorf("not offered: %v", refusal)
	}
}

func FuzzRcptDSN(f *testing.F) {
	f.Add(" NOTIFY=NEVER ORCPT=rfc822;a+2Bb@example.com")
	f.Fuzz(func(t *testing.T, rest string) {
		d, refusal := parseRcptDSN(rest)
		if refusal == nil && len(d.ORcpt) > maxORcpt {
			t.Errorf("%q: %+v", rest, d)
		}
	})
}
