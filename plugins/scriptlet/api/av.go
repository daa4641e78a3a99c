package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/mail"
	"github.com/mtad/mtad/sdk/scan"
)

// avStatus is what a scan of msys.av comes to. The original does not tell its
// numbers; scripts use the names.
type avStatus int

// The statuses.
const (
	avClean avStatus = iota
	avInfected
	avUnscannable
	avError
	avNoEngine
	avNameTooLong
	avContainer
	avNotStreaming
)

// maxEngineName is the longest name of an engine, in bytes (manual, msys.av.scan).
const maxEngineName = 40

// avPackage is msys.av: the engines of antivirus scopes.
func avPackage(gate *scan.Gate) Package {
	const (
		phases  = "data,data_spool,each_rcpt"
		returns = "status, text, engine | nil, scan code | nil"
		what    = " The status is one of msys.av.EC_AV_*; the text is the virus, or why nothing was scanned. The context variables of the engine are set as its scope says. The session is suspended, others go on."
	)
	p := Package{
		Name: "msys.av",
		Doc:  "Virus scanners: the engines in the antivirus scopes of the configuration, enabled there or not. mtad has the engine clamav.",
		Funcs: []Func{
			{
				Name: "engines", Returns: "array", Phases: "any", Since: "3.0",
				Doc: "The names of the engines.", Example: `local first = msys.av.engines()[1]`,
				Do: func(e *Env, L *lua.LState) int {
					t := L.CreateTable(1, 0)
					for _, name := range engineNames(e) {
						t.Append(lua.LString(name))
					}
					L.Push(t)
					return 1
				},
			},
			{
				Name: "scan", Params: []Param{{Name: "args", Type: Any, Variadic: true}}, Returns: returns, Phases: phases, Since: "3.0",
				Doc:     "Has a message scanned by an engine or, without its name, by all of them until one finds something. The arguments, an engine, a message and a validation context, may come in any order; without a message it is the one at hand." + what,
				Example: `local status, virus = msys.av.scan("clamav", msg, vctx)`,
				Do:      func(e *Env, L *lua.LState) int { return avScan(e, L, gate) },
			},
			{
				Name: "scan_part", Params: []Param{{Name: "part", Type: Userdata, Class: classPart}, {Name: "args", Type: Any, Variadic: true}},
				Returns: returns, Phases: phases, Since: "3.0",
				Doc:     "Has the decoded content of one MIME part scanned, by an engine or by all; a container is not." + what,
				Example: `local status, virus = msys.av.scan_part(msg:mime(), "clamav", vctx)`,
				Do:      func(e *Env, L *lua.LState) int { return avScanPart(e, L, gate) },
			},
		},
	}
	for _, c := range []struct {
		name   string
		status avStatus
		doc    string
	}{
		{"CLEAN", avClean, "Nothing was found."},
		{"INFECTED", avInfected, "A virus was found."},
		{"UNSCANNABLE", avUnscannable, "The engine does not take such content: it is too large."},
		{"ERROR", avError, "The engine could not be asked, or failed."},
		{"NO_ENGINE", avNoEngine, "There is no such engine, or none at all."},
		{"NAME_TOO_LONG", avNameTooLong, "The engine's name has more than 40 bytes."},
		{"PART_IS_CONTAINER", avContainer, "The part consists of others."},
		{"NOT_SUITABLE_FOR_STREAMING", avNotStreaming, "Never: mtad's engines take streams."},
	} {
		p.Consts = append(p.Consts, Const{Name: "EC_AV_" + c.name, Value: lua.LNumber(c.status), Doc: c.doc})
	}
	return p
}

// scanners are the scanners of the configuration, which the core has checked.
func scanners(e *Env) scan.Settings {
	s, _ := scan.Read(e.World.Config().Scopes)
	return s
}

func engineNames(e *Env) []string {
	s := scanners(e)
	if len(s.Engines()) == 0 {
		return nil
	}
	return []string{scan.EngineClamAV}
}

// avArgs are the arguments of a scan from stack index n on, told apart by what
// they are.
func avArgs(e *Env, L *lua.LState, n int, what string) (engine string, m *message) {
	for ; n <= L.GetTop(); n++ {
		switch v := L.Get(n).(type) {
		case *lua.LNilType:
		case lua.LString:
			engine = string(v)
		case *lua.LUserData:
			switch o := v.Value.(type) {
			case *message:
				m = o
			case *validateContext, *acceptConstruct:
			default:
				L.ArgError(n, "an engine, a message or a validation context expected, got "+e.TypeName(v))
			}
		default:
			L.ArgError(n, "an engine, a message or a validation context expected, got "+e.TypeName(v))
		}
	}
	if m == nil {
		m = messageArg(e, L, 0, what)
	}
	m.needContent(e, L, what)
	return engine, m
}

func avScan(e *Env, L *lua.LState, gate *scan.Gate) int {
	engine, m := avArgs(e, L, 1, "msys.av.scan")
	host, msg := e.World.Host(), *m.msg
	return avRun(e, L, gate, avJob{engine: engine, msg: m, unit: scan.Messages, open: func(ctx context.Context) io.Reader {
		content, _ := scan.Content(ctx, host, &msg, 0)
		return content
	}})
}

func avScanPart(e *Env, L *lua.LState, gate *scan.Gate) int {
	node := selfPart(e, L).node
	engine, m := avArgs(e, L, 2, "msys.av.scan_part")
	if node.Container() {
		return avTell(L, avContainer, "the part consists of others", "", "")
	}
	body := node.Body()
	spendOn(e, L, len(body))
	decoded := mail.DecodeTransfer(node.ContentType().Encoding, body)
	return avRun(e, L, gate, avJob{engine: engine, msg: m, unit: scan.Parts, open: func(context.Context) io.Reader { return bytes.NewReader(decoded) }})
}

// avJob is content to be scanned.
type avJob struct {
	engine string // "": all of them
	msg    *message
	unit   scan.Unit
	open   func(ctx context.Context) io.Reader
}

// avRun shows content to the engines until one has something to say.
func avRun(e *Env, L *lua.LState, gate *scan.Gate, job avJob) int {
	s := scanners(e)
	engines := s.Engines()
	switch {
	case len(job.engine) > maxEngineName:
		return avTell(L, avNameTooLong, "the engine's name is too long", "", "")
	case len(engines) == 0, job.engine != "" && !slices.Contains(engineNames(e), job.engine):
		return avTell(L, avNoEngine, "there is no antivirus engine "+job.engine, "", "")
	case e.World.Config().CheckOnly:
		return avTell(L, avError, sdk.ErrNoIO.Error(), "", "")
	}
	spendOn(e, L, int(min(job.msg.msg.Body.Size, 1<<24))/16)
	host := e.World.Host()
	var v scan.Verdict
	for _, o := range engines {
		var err error
		e.World.Wait(L, false, func(ctx context.Context) {
			var leave func()
			if leave, err = gate.Enter(ctx, o.At(), o.Concurrency); err == nil {
				defer leave()
				began := time.Now()
				if v, err = scan.Clamd(ctx, o.At(), job.open(ctx)); err == nil {
					scan.Count(ctx, host, job.unit, v, time.Since(began))
				}
			}
		})
		status, info := scan.Told(v, err)
		if status == "" {
			continue
		}
		setAll(e, L, job.msg, [][2]string{{o.Status(), status}, {o.Status() + "_info", info}})
		switch {
		case err != nil:
			scanFailed(e, scan.EngineClamAV, job.msg, err)
			return avTell(L, avError, info, scan.EngineClamAV, "")
		case v.Status == scan.Infected:
			return avTell(L, avInfected, info, scan.EngineClamAV, v.Code)
		}
		return avTell(L, avUnscannable, info, scan.EngineClamAV, v.Code)
	}
	return avTell(L, avClean, "", "", v.Code)
}

func avTell(L *lua.LState, status avStatus, text, engine, code string) int {
	L.Push(lua.LNumber(status))
	L.Push(lua.LString(text))
	L.Push(textOrNil(engine))
	L.Push(textOrNil(code))
	return 4
}

// scanFailed says in the paniclog why a message was not scanned.
func scanFailed(e *Env, scanner string, m *message, err error) {
	e.World.Host().Log(sdk.LogRecord{Level: sdk.LevelError, Source: "scriptlet", Text: fmt.Sprintf("%s cannot scan message %s: %v", scanner, m.msg.ID, err)})
}
