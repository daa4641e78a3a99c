package dialect

import (
	"errors"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"github.com/mtad/mtad/sdk"
)

// Compile makes a prototype of a chunk. The operator functions of rt stand in
// its constant tables, so the prototype may be run by any LState, and by
// several at once. The problems are syntax errors, or one limit of the VM or of the
// time that compiling may take.
func Compile(name string, src []byte, rt *Runtime) (*lua.FunctionProto, []sdk.Problem) {
	p := newParser(name, src)
	if len(src) > maxScript {
		return nil, []sdk.Problem{p.problem(1, 1, fmt.Sprintf("script is longer than %d bytes", maxScript))}
	}
	p.lex.skipShebang()
	p.cost = &cost{afford: withinMax}
	return p.compile(rt)
}

// CompileChunk is Compile for load and loadstring, where a # in front is no
// comment. Nothing can interrupt the compiler: afford, which may be nil, is told
// how many steps of about 10 ns it will take at the most, and where it says no
// that is a problem.
func CompileChunk(name string, src []byte, rt *Runtime, afford func(steps int) bool) (*lua.FunctionProto, []sdk.Problem) {
	p := newParser(name, src)
	p.cost = &cost{afford: afford}
	return p.compile(rt)
}

func (p *parser) compile(rt *Runtime) (*lua.FunctionProto, []sdk.Problem) {
	p.scopes, p.alias, p.loops = map[*ast.IdentExpr]string{}, map[*ast.IdentExpr]ast.Expr{}, map[*ast.ArithmeticOpExpr]string{}
	stmts := p.chunk()
	if len(p.problems) > 0 {
		return nil, p.problems
	}
	at := p.number(stmts)
	if p.cost.line > 0 {
		return nil, []sdk.Problem{p.problem(p.cost.line, 1, tooCostly)}
	}
	proto, err := compileStmts(at, func() (*lua.FunctionProto, error) { return lua.Compile(stmts, p.name) })
	if err == nil {
		at.resolve(proto)
		proto.LastLineDefined = p.tok.line
		err = p.patch(proto, rt)
	}
	if err != nil {
		line := 1
		var ce *limitError
		if errors.As(err, &ce) {
			line = max(ce.line, 1)
		}
		return nil, []sdk.Problem{p.problem(line, 1, err.Error())}
	}
	return proto, nil
}

// limitError is a limit of the VM, and the line of the function that is over it.
type limitError struct {
	line int
	text string
}

func (e *limitError) Error() string { return e.text }

// compileStmts keeps what gopher-lua's compiler panics with from killing the
// process that loads the script.
func compileStmts(at *sites, compile func() (*lua.FunctionProto, error)) (proto *lua.FunctionProto, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the compiler failed: %v", r)
		}
	}()
	proto, err = compile()
	var ce *lua.CompileError
	if errors.As(err, &ce) {
		err = &limitError{line: at.line(ce.Line), text: ce.Message}
	}
	return proto, err
}

// The operands of an instruction that patch reads (gopher-lua, opcode.go).
const (
	opShift   = 26
	regShift  = 18
	bxMask    = 1<<18 - 1
	maxJump   = bxMask >> 1
	maxUpvals = 255
)

// patch puts the functions into the constant tables, and CLOSE where breakOut
// left a call.
func (p *parser) patch(f *lua.FunctionProto, rt *Runtime) error {
	if err := checkLimits(f); err != nil {
		return err
	}
	for i, c := range f.Constants {
		s, ok := c.(lua.LString)
		if !ok || !strings.HasPrefix(string(s), p.mark) {
			continue
		}
		if o, arg := op(s[len(p.mark)]), s[len(p.mark)+1]; o == opClose {
			patchClose(f.Code, uint32(i), uint32(arg))
		} else {
			f.Constants[i] = rt.functions[o]
		}
	}
	for _, inner := range f.FunctionPrototypes {
		if err := p.patch(inner, rt); err != nil {
			return err
		}
	}
	return nil
}

// patchClose makes each pair LOADK constant, CALL the pair CLOSE register, NOP.
func patchClose(code []uint32, constant, register uint32) {
	for pc := 0; pc+1 < len(code); pc++ {
		if code[pc]>>opShift == uint32(lua.OP_LOADK) && code[pc]&bxMask == constant {
			code[pc] = uint32(lua.OP_CLOSE)<<opShift | register<<regShift
			code[pc+1] = uint32(lua.OP_NOP) << opShift
		}
	}
}

// checkLimits finds what the compiler lets overflow in silence.
func checkLimits(f *lua.FunctionProto) error {
	title := "main function"
	if f.LineDefined > 0 {
		title = fmt.Sprintf("function at line %d", f.LineDefined)
	}
	if len(f.DbgUpvalues) > maxUpvals {
		return &limitError{line: f.LineDefined, text: fmt.Sprintf("%s has more than %d upvalues", title, maxUpvals)}
	}
	if len(f.Code) > maxJump && jumps(f.Code) {
		return &limitError{line: f.LineDefined, text: title + " has a control structure that is too long"}
	}
	return nil
}

func jumps(code []uint32) bool {
	for _, inst := range code {
		switch int(inst >> opShift) {
		case lua.OP_JMP, lua.OP_FORPREP, lua.OP_FORLOOP:
			return true
		}
	}
	return false
}
