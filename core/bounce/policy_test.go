package bounce

import (
	"context"
	"strings"
	"testing"

	"github.com/mtad/mtad/core/message"
	"github.com/mtad/mtad/sdk"
)

// asked turns the configuration's answer round, and marks what is made.
type asked struct{ times int }

func (a *asked) Generate(_ context.Context, _ *message.Message, enabled bool) bool {
	a.times++
	return !enabled
}

func (*asked) Generated(_ context.Context, m *message.Message, in *sdk.Injection) {
	in.Header = append(in.Header, "X-For: "+string(m.Recipient)+"\r\n"...)
}

func TestPolicyHasTheLastWord(t *testing.T) {
	var sent []*sdk.Injection
	o := &Options{Original: "headers"}
	g, p := generator(o, &sent), &asked{}
	g.Policy = p
	if err := g.Fail(context.Background(), attempt()); err != nil || len(sent) != 1 || !strings.HasSuffix(string(sent[0].Header), "X-For: bob@example.fict\r\n") {
		t.Fatalf("%v %+v", err, sent)
	}
	o.Generate = true
	if err := g.Fail(context.Background(), attempt()); err != nil || len(sent) != 1 {
		t.Errorf("%v, %d sent", err, len(sent))
	}
	null := attempt()
	null.Message.Sender = ""
	o.Generate = false // policy would have one made
	if err := g.Fail(context.Background(), null); err != nil || len(sent) != 1 || p.times != 2 {
		t.Errorf("%v, %d sent, asked %d times", err, len(sent), p.times)
	}
}
