package dialect

// kind is what a token is.
type kind uint8

const (
	tEOF kind = iota
	tError
	tUnknown // a character that begins nothing
	tName
	tString
	tNumber

	// Reserved words. `goto` and `continue` are names, as in Lua 5.1.
	tAnd
	tBreak
	tDo
	tElse
	tElseif
	tEnd
	tFalse
	tFor
	tFunction
	tIf
	tIn
	tLocal
	tNil
	tNot
	tOr
	tRepeat
	tReturn
	tThen
	tTrue
	tUntil
	tWhile

	tConcat // ..
	tDots   // ...
	tEq     // ==
	tNe     // ~= and !=
	tLe
	tGe
	tShl
	tShr
	tXor // ^^
	tPlus
	tMinus
	tStar
	tSlash
	tPercent
	tCaret
	tHash
	tLt
	tGt
	tAssign
	tLparen
	tRparen
	tLbrace
	tRbrace
	tLbracket
	tRbracket
	tSemi
	tColon
	tComma
	tDot
	tAmp
	tPipe
	tTilde
	tBang
	tBackslash
	kinds
)

// text is how a kind is written in an error message.
func (k kind) text() string { return kindText[k] }

var kindText = [kinds]string{
	tEOF: "<eof>", tName: "<name>", tString: "<string>", tNumber: "<number>",
	tAnd: "and", tBreak: "break", tDo: "do", tElse: "else", tElseif: "elseif", tEnd: "end",
	tFalse: "false", tFor: "for", tFunction: "function", tIf: "if", tIn: "in", tLocal: "local",
	tNil: "nil", tNot: "not", tOr: "or", tRepeat: "repeat", tReturn: "return", tThen: "then",
	tTrue: "true", tUntil: "until", tWhile: "while",
	tConcat: "..", tDots: "...", tEq: "==", tNe: "~=", tLe: "<=", tGe: ">=", tShl: "<<", tShr: ">>",
	tXor: "^^", tPlus: "+", tMinus: "-", tStar: "*", tSlash: "/", tPercent: "%", tCaret: "^",
	tHash: "#", tLt: "<", tGt: ">", tAssign: "=", tLparen: "(", tRparen: ")", tLbrace: "{",
	tRbrace: "}", tLbracket: "[", tRbracket: "]", tSemi: ";", tColon: ":", tComma: ",", tDot: ".",
	tAmp: "&", tPipe: "|", tTilde: "~", tBang: "!", tBackslash: `\`,
}

// reserved gives the kind of a word; tName for a name.
func reserved(word string) kind {
	if len(word) < 2 || len(word) > 8 {
		return tName
	}
	for k := tAnd; k <= tWhile; k++ {
		if kindText[k] == word {
			return k
		}
	}
	return tName
}

// token is one token and where it stands.
type token struct {
	kind      kind
	str       string // a name, a string's value, a numeral in decimal
	line, col int    // of its first byte, from 1
	end       int    // the line it ends on: a long string spans several
	off, stop int    // its bytes in the source
}
