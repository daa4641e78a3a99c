package mail

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// Transfer encodings (RFC 2045 §6.1), in lower case.
const (
	Encoding7Bit   = "7bit"
	Encoding8Bit   = "8bit"
	EncodingBinary = "binary"
	EncodingBase64 = "base64"
	EncodingQP     = "quoted-printable"
)

const (
	hexDigits = "0123456789ABCDEF"
	// maxLine is the longest line of a message, without its line end (RFC 5322
	// §2.1.1).
	maxLine = 998
	// maxEncodedLine is the longest line of base64 and quoted-printable (RFC
	// 2045 §6.7 and §6.8).
	maxEncodedLine = 76
)

// DecodeTransfer undoes a transfer encoding. It takes what it can from broken
// input and returns other encodings' bytes as they are.
func DecodeTransfer(encoding string, body []byte) []byte {
	switch strings.ToLower(encoding) {
	case EncodingBase64:
		return decodeBase64(body)
	case EncodingQP:
		return decodeQP(body)
	}
	return body
}

// EncodeTransfer applies a transfer encoding. Line ends of text stay line ends;
// other content is encoded octet by octet.
func EncodeTransfer(encoding string, data []byte, text bool) []byte {
	switch strings.ToLower(encoding) {
	case EncodingBase64:
		return encodeBase64(data)
	case EncodingQP:
		return encodeQP(data, text)
	}
	return data
}

// decodeBase64 skips what is not in the alphabet (RFC 2045 §6.8) and goes on
// behind padding, since pieces are found joined.
func decodeBase64(body []byte) []byte {
	out := make([]byte, 0, len(body)*3/4+3)
	var bits, count uint
	for _, c := range body {
		v := base64Value(c)
		if v < 0 {
			if c == '=' {
				bits, count = 0, 0
			}
			continue
		}
		bits, count = bits<<6|uint(v), count+6
		if count >= 8 {
			count -= 8
			out = append(out, byte(bits>>count))
			bits &= 1<<count - 1
		}
	}
	return out
}

func base64Value(c byte) int {
	switch {
	case 'A' <= c && c <= 'Z':
		return int(c - 'A')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 26
	case '0' <= c && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}

func encodeBase64(data []byte) []byte {
	const perLine = maxEncodedLine / 4 * 3
	out := make([]byte, 0, base64.StdEncoding.EncodedLen(len(data))+len(data)/perLine*2+2)
	for len(data) > 0 {
		n := min(perLine, len(data))
		out = base64.StdEncoding.AppendEncode(out, data[:n])
		out = append(out, "\r\n"...)
		data = data[n:]
	}
	return out
}

// decodeQP undoes quoted-printable (RFC 2045 §6.7), leaving what is not valid
// as it stands.
func decodeQP(body []byte) []byte {
	out := make([]byte, 0, len(body))
	for len(body) > 0 {
		line, ending := body, []byte(nil)
		if i := bytes.IndexByte(body, '\n'); i >= 0 {
			line, ending = body[:i], body[i:i+1]
			if i > 0 && body[i-1] == '\r' {
				line, ending = body[:i-1], body[i-1:i+1]
			}
		}
		body = body[len(line)+len(ending):]
		if ending != nil {
			line = bytes.TrimRight(line, " \t") // rule (3): added in transport
		}
		soft := len(line) > 0 && line[len(line)-1] == '='
		if soft {
			line, ending = line[:len(line)-1], nil
		}
		out = append(appendQPLine(out, line), ending...)
	}
	return out
}

func appendQPLine(out, line []byte) []byte {
	for i := 0; i < len(line); i++ {
		if line[i] == '=' && i+2 < len(line) && hexValue(line[i+1]) >= 0 && hexValue(line[i+2]) >= 0 {
			out = append(out, byte(hexValue(line[i+1])<<4|hexValue(line[i+2])))
			i += 2
			continue
		}
		out = append(out, line[i])
	}
	return out
}

func hexValue(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

func encodeQP(data []byte, text bool) []byte {
	out := make([]byte, 0, len(data)+len(data)/8)
	column := 0
	for i := 0; i < len(data); i++ {
		c := data[i]
		if text && c == '\r' && i+1 < len(data) && data[i+1] == '\n' {
			out = append(out, '\r', '\n')
			column = 0
			i++
			continue
		}
		width := 3
		if qpLiteral(data, i, column) {
			width = 1
		}
		if column+width > maxEncodedLine-1 && !lineEndsAt(data, i+1, text, column+width) {
			out = append(out, "=\r\n"...)
			column = 0
		}
		if width == 1 && qpLiteral(data, i, column) {
			out = append(out, c)
			column++
			continue
		}
		out = append(out, '=', hexDigits[c>>4], hexDigits[c&15])
		column += 3
	}
	return out
}

// lineEndsAt reports that a line of full width may stand without a soft break.
func lineEndsAt(data []byte, i int, text bool, column int) bool {
	if column > maxEncodedLine {
		return false
	}
	return i == len(data) || text && bytes.HasPrefix(data[i:], []byte("\r\n"))
}

// qpLiteral reports whether data[i] may stand for itself. A blank that ends a
// line may not (rule (3)); neither may a dot or "From " that begins one, which
// transports are known to change.
func qpLiteral(data []byte, i, column int) bool {
	switch c := data[i]; {
	case c == ' ' || c == '\t':
		return i+1 < len(data) && data[i+1] != '\r' && data[i+1] != '\n'
	case c == '.':
		return column > 0
	case c == 'F':
		return column > 0 || !bytes.HasPrefix(data[i:], []byte("From "))
	case c == '=':
		return false
	default:
		return c > ' ' && c < 0x7f
	}
}
