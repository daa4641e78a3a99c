package mtatest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binaryVar names the environment variable with the mtad to test. Main sets it;
// whoever sets it before tests a binary of their own.
const binaryVar = "MTAD_TEST_BINARY"

// Main builds mtad once for all tests of a package, runs them, and gives the
// exit status for os.Exit.
func Main(m *testing.M) int {
	if os.Getenv(binaryVar) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "mtad-bin")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "mtad")
	if err := build(binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := os.Setenv(binaryVar, binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func build(binary string) error {
	args := []string{"build", "-o", binary}
	if Race {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "github.com/mtad/mtad/cmd/mtad")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %q: %w\n%s", cmd.Args[1:], err, out)
	}
	return nil
}

// Binary is the path of the mtad under test.
func Binary(t testing.TB) string {
	t.Helper()
	path := os.Getenv(binaryVar)
	if path == "" {
		t.Fatal("the package's TestMain must call mtatest.Main")
	}
	return path
}

// Run runs mtad with arguments until it ends, and gives what it wrote and its
// exit status.
func Run(t testing.TB, args ...string) (stdout, stderr string, exit int) {
	t.Helper()
	return RunAs(t, Binary(t), "", args...)
}

// RunAs is Run for a program of any name, with input.
func RunAs(t testing.TB, program, stdin string, args ...string) (stdout, stderr string, exit int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewBufferString(stdin), &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("%s: %v", program, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
