package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/scan"
)

const scanPhases = "data,data_spool,each_rcpt"

// spamcPackage is msys.spamc: SpamAssassin.
func spamcPackage(gate *scan.Gate) Package {
	return Package{
		Name: "msys.spamc",
		Doc:  "SpamAssassin, by the spamd of the spamassassin scope.",
		Funcs: []Func{{
			Name: "spamc_scan", Params: []Param{{Name: "msg", Type: Userdata, Class: classMessage}}, Returns: "nothing", Phases: scanPhases, Since: "5.0",
			Doc: "Has a message checked, and sets the message context variables spamc_status (ok or failed) and, where that is ok, spamc_spam (true or false), spamc_score, spamc_thresh and spamc_symbols. " +
				"The paniclog says why it failed. The session is suspended, others go on.",
			Example: `msys.spamc.spamc_scan(msg); local score = msg:context_get(msys.core.ECMESS_CTX_MESS, "spamc_score")`,
			Do:      func(e *Env, L *lua.LState) int { return spamcScan(e, L, gate) },
		}},
	}
}

func spamcScan(e *Env, L *lua.LState, gate *scan.Gate) int {
	m := messageArg(e, L, 1, "msys.spamc.spamc_scan")
	var r scan.Spam
	err := errNoScanner
	if o := scanners(e).SpamAssassin; o != nil {
		err = scanned(e, L, gate, scanJob{o.At(), o.Concurrency, m, o.MaxSize}, func(ctx context.Context, c content) (err error) {
			r, err = scan.Spamd(ctx, o.At(), c, c.size)
			return err
		})
	}
	if err != nil {
		scanFailed(e, "spamassassin", m, err)
		setAll(e, L, m, [][2]string{{"spamc_status", "failed"}})
		return 0
	}
	setAll(e, L, m, [][2]string{
		{"spamc_status", "ok"}, {"spamc_spam", strconv.FormatBool(r.Spam)}, {"spamc_score", fmt.Sprintf("%.2f", r.Score)},
		{"spamc_thresh", fmt.Sprintf("%.2f", r.Threshold)}, {"spamc_symbols", r.Symbols},
	})
	return 0
}

// rspamdPackage is msys.rspamd, which is mtad's own.
func rspamdPackage(gate *scan.Gate) Package {
	return Package{
		Name: "msys.rspamd",
		Doc:  "rspamd, by the worker of the rspamd scope.",
		Funcs: []Func{{
			Name: "scan", Params: []Param{{Name: "msg", Type: Userdata, Class: classMessage}}, Returns: "table | nil, message", Phases: scanPhases, Since: "mtad",
			Doc: "Has a message rated. The table has action (such as reject, soft reject, add header or no action), score, threshold, symbols (an array), skipped and message, which rspamd would tell the client. " +
				"The message context variables rspamd_status (ok or failed), rspamd_action, rspamd_score, rspamd_thresh and rspamd_symbols say it too. The session is suspended, others go on.",
			Example: `local r, err = msys.rspamd.scan(msg); if r and r.action == "reject" then end`,
			Do:      func(e *Env, L *lua.LState) int { return rspamdScan(e, L, gate) },
		}},
	}
}

func rspamdScan(e *Env, L *lua.LState, gate *scan.Gate) int {
	m := messageArg(e, L, 1, "msys.rspamd.scan")
	var r scan.Rated
	err := errNoScanner
	if o := scanners(e).Rspamd; o != nil {
		facts := envelopeOf(e, L, m)
		facts.Password = o.Password
		err = scanned(e, L, gate, scanJob{o.At(), o.Concurrency, m, o.MaxSize}, func(ctx context.Context, c content) (err error) {
			r, err = scan.Rspamd(ctx, o.At(), c, c.size, facts)
			return err
		})
	}
	if err != nil {
		scanFailed(e, "rspamd", m, err)
		setAll(e, L, m, [][2]string{{"rspamd_status", "failed"}})
		return failure(L, err.Error())
	}
	setAll(e, L, m, [][2]string{
		{"rspamd_status", "ok"}, {"rspamd_action", r.Action}, {"rspamd_score", fmt.Sprintf("%.2f", r.Score)},
		{"rspamd_thresh", fmt.Sprintf("%.2f", r.Threshold)}, {"rspamd_symbols", strings.Join(r.Symbols, ",")},
	})
	t := L.CreateTable(0, 6)
	symbols := L.CreateTable(len(r.Symbols), 0)
	for _, s := range r.Symbols {
		symbols.Append(lua.LString(s))
	}
	t.RawSetString("action", lua.LString(r.Action))
	t.RawSetString("score", lua.LNumber(r.Score))
	t.RawSetString("threshold", lua.LNumber(r.Threshold))
	t.RawSetString("symbols", symbols)
	t.RawSetString("skipped", lua.LBool(r.Skipped))
	t.RawSetString("message", lua.LString(r.Message))
	L.Push(t)
	return 1
}

// envelopeOf is what rspamd is told of the session and the envelope.
func envelopeOf(e *Env, L *lua.LState, m *message) scan.Envelope {
	out := scan.Envelope{From: string(m.msg.Sender), QueueID: m.msg.ID}
	if m.msg.RecvFrom.IsValid() {
		out.IP = m.msg.RecvFrom.Addr().Unmap().String()
	}
	for _, to := range m.msg.Recipients {
		out.Rcpts = append(out.Rcpts, string(to))
	}
	conn := m.get(e, L, sdk.DictConn)
	out.HELO, _ = conn.Get("ehlo_domain")
	out.Hostname, _ = conn.Get(varReverseDNS)
	out.User, _ = conn.Get("auth_user")
	return out
}

var errNoScanner = errors.New("the configuration has no scope for it")

// scanJob is a message to be shown to a daemon.
type scanJob struct {
	at          scan.Daemon
	concurrency int64
	msg         *message
	most        int64 // bytes of the body
}

// content is what a daemon reads.
type content struct {
	io.Reader
	size int64
}

// scanned runs one scan while other sessions go on.
func scanned(e *Env, L *lua.LState, gate *scan.Gate, j scanJob, ask func(ctx context.Context, c content) error) (err error) {
	if e.World.Config().CheckOnly {
		return sdk.ErrNoIO
	}
	host, msg := e.World.Host(), *j.msg.msg
	e.World.Wait(L, false, func(ctx context.Context) {
		leave, busy := gate.Enter(ctx, j.at, j.concurrency)
		if busy != nil {
			err = busy
			return
		}
		defer leave()
		r, size := scan.Content(ctx, host, &msg, j.most)
		err = ask(ctx, content{r, size})
	})
	return err
}

func setAll(e *Env, L *lua.LState, m *message, pairs [][2]string) {
	for _, p := range pairs {
		m.put(e, L, sdk.Change{Kind: sdk.ContextSet, Dict: sdk.DictMess, Name: p[0], Value: p[1]})
	}
}
