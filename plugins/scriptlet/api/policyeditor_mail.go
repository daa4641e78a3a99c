package api

import (
	"context"
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
)

// maxMailPause bounds the throttle of send_email, in seconds.
const maxMailPause = 366 * 86400

// editorSendEmail sends a message without MIME. With a throttle of so many
// seconds it sends one at the most in that time, of that subject to that
// recipient; a counter of the server keeps count.
func editorSendEmail(e *Env, L *lua.LState) int {
	const helper = "send_email"
	param := func(name string) string { return Text(L, editorParam(L, helper, name)) }
	from, to, subject := param("from"), param("to"), param("subject")
	throttle, _ := strconv.ParseFloat(Text(L, L.GetField(L.Get(3), "throttle")), 64)
	if throttle > 0 && !e.firstOf(L, "send_email:"+to+":"+subject, min(throttle, maxMailPause)) {
		return 0
	}
	section, body := buildDraft(e, L, mail.Draft{
		Headers:      []mail.HeaderLine{{Name: "From", Value: from}, {Name: "To", Value: to}, {Name: "Subject", Value: strings.Join(strings.Fields(subject), " ")}},
		Alternatives: []mail.Alternative{{ContentType: "text/plain", Content: param("body")}},
	})
	inject(e, L, &sdk.Injection{Header: section, Body: sdk.Body{Size: int64(len(body)), Inline: body, Changed: true}}, from, to)
	return 0
}

// firstOf says whether something happens for the first time in so many seconds:
// a gauge of the server remembers it for them.
func (e *Env) firstOf(L *lua.LState, name string, seconds float64) bool {
	life := time.Duration(seconds * float64(time.Second))
	op := sdk.GaugeOp{Kind: sdk.GaugeGet, Cache: "msys.policyeditor.send_email " + life.String(), Key: name, Max: 10_000, TTL: max(life, time.Millisecond)}
	host := e.World.Host()
	first := true
	e.World.Wait(L, false, func(ctx context.Context) {
		n, err := host.Gauge(ctx, &op)
		if err == nil && n == 0 {
			op.Kind, op.Delta = sdk.GaugeAdd, 1
			n, err = host.Gauge(ctx, &op)
			n--
		}
		first = err != nil || n == 0
	})
	return first
}
