package modules

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/mtad/mtad/core/validate"
	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/sdktest"
	"github.com/mtad/mtad/sdk/smtp"
)

// thirdParty is a module as an operator declares it.
func thirdParty(t *testing.T, name, path string) Spec {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return Spec{Name: name, Rank: RankThirdParty, Command: []string{path}, SHA256: fmt.Sprintf("%x", sha256.Sum256(data))}
}

// reply asks for one phase and gives the reply, "" for none.
func reply(ctx context.Context, c validate.Caller, s *sdk.State, p sdk.Phase) (string, error) {
	call := sdktest.Call(s)
	call.Phases = []sdk.Phase{p}
	a, err := c.Call(ctx, call, &validate.Seat{})
	switch {
	case err != nil:
		return "", err
	case len(a.Results) != 1:
		return "", fmt.Errorf("%d results", len(a.Results))
	case a.Results[0].Reply == nil:
		return "", nil
	}
	return a.Results[0].Reply.String(), nil
}

func rcptPhase(addr smtp.Address) sdk.Phase {
	return sdk.Phase{Hook: sdk.ValidateRcptTo, Line: "RCPT TO:" + addr.Path() + "\r\n", Address: addr}
}

func TestExampleInGo(t *testing.T) {
	exe := filepath.Join(t.TempDir(), "greylist")
	build := exec.Command("go", "build", "-o", exe, ".")
	build.Dir = "../../examples/hookmod"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b := newBench(t, quick())
	spec := thirdParty(t, "greylist", exe)
	p := b.run(t, 1, configure(spec, "delay", 0, "text", "first option"))
	b.waitLog(t, "unknown senders wait 0s")
	second, err := b.Prepare(t.Context(), 2, []ModuleConfig{configure(spec, "delay", 3600, "text", "later")})
	if err != nil {
		t.Fatal(err)
	}
	second.Commit()
	state := sdktest.Session("192.0.2.1:1000").Mail("a@example.org").State()
	for g, want := range map[int]string{0: "", 1: "451 4.7.1 later"} {
		call := sdktest.Call(state)
		call.Generation, call.Phases = uint64(g+1), []sdk.Phase{rcptPhase(smtp.Address(fmt.Sprintf("b%d@example.com", g)))}
		a, err := []*Prepared{p, second}[g].Callers[0].Call(t.Context(), call, &validate.Seat{})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if r := a.Results[0].Reply; r != nil {
			got = r.String()
		}
		if got != want {
			t.Errorf("generation %d: %q, want %q", g+1, got, want)
		}
	}
	if text, err := b.Control(t.Context(), []string{"greylist"}); err != nil || text != "1 waiting, 1 passed" {
		t.Errorf("console: %q %v", text, err)
	}
	if _, err := b.Prepare(t.Context(), 3, []ModuleConfig{configure(spec, "dellay", 3600)}); err == nil {
		t.Error("a misspelt option was accepted")
	}
}

// python makes the example ready to run; false where this machine cannot.
func python(t *testing.T) (exe string, ok bool) {
	t.Helper()
	for _, need := range [][]string{{"protoc", "--version"}, {"/usr/bin/python3", "-c", "import grpc, google.protobuf"}} {
		if out, err := exec.Command(need[0], need[1:]...).CombinedOutput(); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%v: %v\n%s", need, err, out)
			}
			t.Logf("NOT RUN: %v: %v (apt install python3-grpcio python3-protobuf protobuf-compiler)", need, err)
			return "", false
		}
	}
	source, dir := "../../examples/hookmod-python/", t.TempDir()
	if out, err := exec.Command(source+"generate.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(source + "blocklist.py")
	if err != nil {
		t.Fatal(err)
	}
	exe = filepath.Join(dir, "blocklist.py")
	if err := os.WriteFile(exe, text, 0o700); err != nil {
		t.Fatal(err)
	}
	return exe, true
}

func TestExampleInPython(t *testing.T) {
	exe, ok := python(t)
	if !ok {
		return
	}
	b := newBench(t, quick())
	b.host.DNS = map[string]sdk.DNSAnswer{"A 1.2.0.192.dnsbl.example": {Records: []sdk.DNSRecord{{Value: "127.0.0.2"}}}}
	p := b.run(t, 1, configure(thirdParty(t, "blocklist", exe), "zones", []string{"dnsbl.example"}, "domains", "spam.example"))
	if logs := b.texts("zones"); len(logs) != 1 || logs[0] != "1 zones, 1 domains" {
		t.Errorf("logged before prepare returned: %q", logs)
	}
	checkBlocklist(t, p.Callers[0])

	// It is an ordinary module: killed, it comes back with its options.
	if err := syscall.Kill(b.List()[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	b.waitLog(t, "module is back")
	checkBlocklist(t, p.Callers[0])
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if b.texts("blocklist ends") == nil || b.texts("not end in order") != nil {
		t.Errorf("its end: %q", b.texts(""))
	}
}

func checkBlocklist(t *testing.T, c validate.Caller) {
	t.Helper()
	mail := func(addr smtp.Address) sdk.Phase {
		return sdk.Phase{Hook: sdk.ValidateMailFrom, Line: "MAIL FROM:" + addr.Path() + " \xff\r\n", Address: addr}
	}
	connect := sdk.Phase{Hook: sdk.ValidateConnect}
	cases := []struct {
		peer  string
		phase sdk.Phase
		want  string
	}{
		{"192.0.2.1:1000", connect, "554 5.7.1 listed in dnsbl.example"},
		{"192.0.2.2:1000", connect, ""},
		{"[2001:db8::1]:1000", connect, ""},
		{"192.0.2.2:1000", mail("x@Spam.Example"), "554 5.7.1 sender refused"},
		{"192.0.2.2:1000", mail("\xe9@example.org"), ""},
		{"192.0.2.2:1000", mail(""), ""},
	}
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			k := cases[i%len(cases)]
			s := sdktest.Session(k.peer).ID(uint64(i)).ConnContext("raw", "\xff").Mail("").State()
			if got, err := reply(t.Context(), c, s, k.phase); got != k.want || err != nil {
				t.Errorf("%s %q: %q %v, want %q", k.peer, k.phase.Line, got, err, k.want)
			}
		})
	}
	wg.Wait()
}
