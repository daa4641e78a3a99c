package api

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/mtad/mtad/sdk/mailauth"
)

// The classes of msys.validate.opendkim, by the names that the manual gives them.
const (
	classDKIM    = "DKIM"
	classSigInfo = "DKIM_SIGINFO"
)

// dkimHandle is what verify gives: the signatures of a message.
type dkimHandle struct{ list []*mailauth.Signature }

// opendkimPackage is msys.validate.opendkim (reference/lua-api.tsv).
func opendkimPackage() Package {
	const data = "data,data_spool,each_rcpt"
	keys := &mailauth.Signer{}
	msg := Param{Name: "msg", Type: Userdata, Class: classMessage}
	dkim := Param{Name: "dkim", Type: Userdata, Class: classDKIM}
	sig := Param{Name: "siginfo", Type: Userdata, Class: classSigInfo}
	const verify = "local dkim = msys.validate.opendkim.verify(msg)\nlocal sig = msys.validate.opendkim.get_sig(dkim, 0)\n"
	one := func(name, returns, doc string, value func(s *mailauth.Signature) lua.LValue) Func {
		return Func{
			Name: name, Params: []Param{sig}, Returns: returns + ", DKIM_STAT", Phases: data, Since: "3.6", Doc: doc,
			Example: verify + "if sig then print(msys.validate.opendkim." + name + "(sig)) end",
			Do: func(_ *Env, L *lua.LState) int {
				return withStat(L, value(sigArg(L, 1)), mailauth.StatOK)
			},
		}
	}
	return Package{
		Name: "msys.validate.opendkim",
		Doc:  "DKIM (RFC 6376): verifying in the data phases, signing in core_final_validation. The second result is a DKIM_STAT of opendkim.dkim.",
		Funcs: []Func{
			{Name: "sign", Params: []Param{{Name: "msg", Type: Userdata, Class: classMessage, Optional: true}, {Name: "vctx", Type: Userdata, Class: classContext, Optional: true}, {Name: "options", Type: Table, Optional: true}},
				Returns: "true | nil, message", Phases: "final_validation", Since: "3.6",
				Doc:     "Puts a DKIM signature on top of the message, each call one more. Options: signing_domain (or base_domain), selector, keyfile (with %{d} and %{s}) or keybuf, identity, digest (rsa-sha256, ed25519-sha256), header_canon, body_canon, headerlist, oversign_headerlist, skip_headerlist, body_length_limit, sign_condition; what is not given is the opendkim scope's. Why a message is not signed is also in the paniclog.",
				Example: "msys.validate.opendkim.sign(msg, vctx, { signing_domain = \"example.com\", selector = \"s1\", keyfile = \"/etc/mtad/dkim/%{d}/%{s}.key\" })",
				Do:      signDKIM(keys, "msys.validate.opendkim.sign")},
			{Name: "verify", Params: []Param{msg}, Returns: "dkim, DKIM_STAT", Phases: data, Since: "3.6",
				Doc:     "Verifies the signatures of the message, at most eight; the keys are looked up while other sessions go on. The status is DKIM_STAT_OK where one verified.",
				Example: "local dkim, stat = msys.validate.opendkim.verify(msg)", Do: opendkimVerify},
			{Name: "get_num_sigs", Params: []Param{dkim}, Returns: "number, DKIM_STAT", Phases: data, Since: "3.6",
				Doc: "How many signatures there are.", Example: "local n = msys.validate.opendkim.get_num_sigs(msys.validate.opendkim.verify(msg))",
				Do: func(_ *Env, L *lua.LState) int {
					return withStat(L, lua.LNumber(len(handleArg(L, 1).list)), mailauth.StatOK)
				}},
			{Name: "get_sig", Params: []Param{dkim, {Name: "index", Type: Number, Optional: true}}, Returns: "siginfo, DKIM_STAT", Phases: data, Since: "3.6",
				Doc: "A signature, by its index from 0; nil and DKIM_STAT_INVALID where there is none.", Example: verify, Do: opendkimGetSig},
			one("get_sig_canons", "string", "The canonical form of the header.", func(s *mailauth.Signature) lua.LValue { return lua.LString(s.HeaderCanon) }),
			one("get_sig_domain", "string", "The signing domain (d=).", func(s *mailauth.Signature) lua.LValue { return lua.LString(s.Domain) }),
			one("get_sig_errorstr", "string or nil", "Why the signature does not verify; nil where it does.", func(s *mailauth.Signature) lua.LValue {
				if s.Error == "" {
					return lua.LNil
				}
				return lua.LString(s.Error)
			}),
			one("get_sig_flags", "number", "The DKIM_SIGFLAG bits.", func(s *mailauth.Signature) lua.LValue { return lua.LNumber(s.Flags) }),
			{Name: "get_sig_hdrsigned", Params: []Param{sig, {Name: "header", Type: String}}, Returns: "boolean, DKIM_STAT", Phases: data, Since: "3.6",
				Doc: "Whether a header field is covered by the signature.", Example: verify + "if sig then print(msys.validate.opendkim.get_sig_hdrsigned(sig, \"Subject\")) end",
				Do: func(_ *Env, L *lua.LState) int {
					return withStat(L, lua.LBool(sigArg(L, 1).Covers(L.ToString(2))), mailauth.StatOK)
				}},
			{Name: "get_sig_identity", Params: []Param{dkim, sig}, Returns: "string, DKIM_STAT", Phases: data, Since: "3.6",
				Doc: "The identity (i=), or \"@\" and the domain.", Example: verify + "if sig then print(msys.validate.opendkim.get_sig_identity(dkim, sig)) end",
				Do: func(_ *Env, L *lua.LState) int {
					handleArg(L, 1)
					return withStat(L, lua.LString(sigArg(L, 2).Identity), mailauth.StatOK)
				}},
			one("get_sig_keysize", "number", "The size of the key in bits; 0 where the key could not be read.", func(s *mailauth.Signature) lua.LValue { return lua.LNumber(s.KeyBits) }),
			one("get_sig_selector", "string", "The selector (s=).", func(s *mailauth.Signature) lua.LValue { return lua.LString(s.Selector) }),
			one("get_sig_signalg", "string", "The algorithm: rsa-sha1, rsa-sha256, unknown, and beyond the manual ed25519-sha256.", func(s *mailauth.Signature) lua.LValue { return lua.LString(signAlgorithm(s.Algorithm)) }),
		},
		Classes: []Class{
			{Name: classDKIM, Doc: "The signatures of a message, as msys.validate.opendkim.verify gives them."},
			{Name: classSigInfo, Doc: "One signature."},
		},
	}
}

func withStat(L *lua.LState, v lua.LValue, s mailauth.Status) int {
	L.Push(v)
	L.Push(lua.LNumber(s))
	return 2
}

func handleArg(L *lua.LState, n int) *dkimHandle {
	h, ok := L.CheckUserData(n).Value.(*dkimHandle)
	if !ok {
		L.RaiseError("the object is empty")
	}
	return h
}

func sigArg(L *lua.LState, n int) *mailauth.Signature {
	s, ok := L.CheckUserData(n).Value.(*mailauth.Signature)
	if !ok {
		L.RaiseError("the object is empty")
	}
	return s
}

func opendkimVerify(e *Env, L *lua.LState) int {
	m := messageArg(e, L, 1, "msys.validate.opendkim.verify")
	list := m.verifyDKIM(e, L)
	m.remember(e, L, list)
	return withStat(L, e.World.Object(L, classDKIM, &dkimHandle{list}), mailauth.Overall(list))
}

func opendkimGetSig(e *Env, L *lua.LState) int {
	h, i := handleArg(L, 1), float64(L.OptNumber(2, 0))
	if i != float64(int(i)) || i < 0 || int(i) >= len(h.list) {
		return withStat(L, lua.LNil, mailauth.StatInvalid)
	}
	return withStat(L, e.World.Object(L, classSigInfo, h.list[int(i)]), mailauth.StatOK)
}

func signAlgorithm(a string) string {
	switch a = strings.ToLower(a); a {
	case "rsa-sha1", "rsa-sha256", "ed25519-sha256":
		return a
	}
	return "unknown"
}

// opendkimConsts is opendkim.dkim: the numbers of libopendkim.
func opendkimConsts() Package {
	p := Package{Name: "opendkim.dkim", Doc: "The statuses and flags of msys.validate.opendkim."}
	for _, c := range []struct {
		name   string
		status mailauth.Status
		doc    string
	}{
		{"OK", mailauth.StatOK, "It verified."},
		{"BADSIG", mailauth.StatBadSig, "A signature does not match."},
		{"NOSIG", mailauth.StatNoSig, "There is no signature."},
		{"NOKEY", mailauth.StatNoKey, "There is no key."},
		{"CANTVRFY", mailauth.StatCantVerify, "A key or algorithm is not accepted."},
		{"SYNTAX", mailauth.StatSyntax, "A syntax error."},
		{"NORESOURCE", mailauth.StatNoResource, "Something ran out."},
		{"INTERNAL", mailauth.StatInternal, "A fault of the server's."},
		{"REVOKED", mailauth.StatRevoked, "The key was revoked."},
		{"INVALID", mailauth.StatInvalid, "An argument makes no sense."},
		{"NOTIMPLEMENT", mailauth.StatNotImplement, "It is not implemented."},
		{"KEYFAIL", mailauth.StatKeyFail, "The key could not be looked up; later it may."},
		{"CBREJECT", mailauth.StatCBReject, "Local policy does not accept the signature."},
		{"CBTRYAGAIN", mailauth.StatCBTryAgain, "Later it may work."},
		{"CBERROR", mailauth.StatCBError, "An error without a name."},
	} {
		p.Consts = append(p.Consts, Const{Name: "DKIM_STAT_" + c.name, Value: lua.LNumber(c.status), Doc: c.doc})
	}
	for _, c := range []struct {
		name string
		flag mailauth.Flags
		doc  string
	}{
		{"IGNORE", mailauth.FlagIgnore, "The signature was not looked at."},
		{"PROCESSED", mailauth.FlagProcessed, "Its key was asked for."},
		{"PASSED", mailauth.FlagPassed, "It verified."},
		{"TESTKEY", mailauth.FlagTestKey, "The key is for tests."},
		{"NOSUBDOMAIN", mailauth.FlagNoSubdomain, "The key is not for subdomains."},
	} {
		p.Consts = append(p.Consts, Const{Name: "DKIM_SIGFLAG_" + c.name, Value: lua.LNumber(c.flag), Doc: c.doc})
	}
	return p
}
