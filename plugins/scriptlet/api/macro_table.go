package api

// Macro is one macro that msys.expandMacro knows, or is documented to know.
type Macro struct {
	Name   string // as the reference has it
	Doc    string // one sentence
	Status Status
	Why    string
}

// Macros are all documented macros.
func Macros() []Macro {
	list := []Macro{
		{Name: "%{vctx_conn:KEY}", Doc: "A variable of the connection's context."},
		{Name: "%{vctx_mess:KEY}", Doc: "A variable of the message's context."},
		{Name: "%{KEY}", Doc: "A message variable, else a connection variable, else an SPF letter."},
		{Name: "%{NS:NAME||DEFAULT}", Doc: "DEFAULT where the macro has no value."},
		{Name: "%{rfc822:HEADER}", Doc: "The first value of a header, decoded."},
		{Name: "%{rfc2822:message|headers|body|text|part}", Doc: "A piece of the message; ,n is its first n lines, ,nb its first n bytes. It ends with CRLF.",
			Status: Partial, Why: "part, a piece of Sieve's, is empty"},
		{Name: "%{d} (DKIM key path)", Doc: "The signing domain, in the path of a key for DKIM."},
		{Name: "%{s} (DKIM key path)", Doc: "The selector, in the path of a key for DKIM."},
	}
	list = append(list, spfMacros()...)
	list = append(list, loggerMacros()...)
	return append(list, tlsMacros()...)
}

// spfMacros are the letters of RFC 7208 §7.2.
func spfMacros() []Macro {
	list := []Macro{
		{Name: "%{i}", Doc: "The peer's address."},
		{Name: "%{p}", Doc: "The peer's validated name, looked up; unknown where there is none."},
		{Name: "%{t}", Doc: "The time in seconds since 1970."},
		{Name: "%{spfv1:p}", Doc: "The peer's validated name, looked up; unknown where there is none."},
	}
	for _, m := range []Macro{
		{Name: "s", Doc: "The sender."},
		{Name: "l", Doc: "The sender's local part."},
		{Name: "o", Doc: "The sender's domain."},
		{Name: "d", Doc: "The domain being looked at: the sender's."},
		{Name: "i", Doc: "The peer's address, an IPv6 address as nibbles."},
		{Name: "v", Doc: "in-addr or ip6."},
		{Name: "h", Doc: "The name of HELO or EHLO."},
		{Name: "c", Doc: "The peer's address, readable."},
		{Name: "t", Doc: "The time in seconds since 1970."},
	} {
		m.Name = "%{spfv1:" + m.Name + "}"
		list = append(list, m)
	}
	return list
}

// loggerMacros are the specifiers of custom_logger's formats in their form as
// macros, such as %{custom_logger:b} and %{custom_logger:h{Subject}}. That module
// itself, which writes logs by such formats, is not mtad's.
func loggerMacros() []Macro {
	var list []Macro
	for _, m := range []Macro{
		{Name: "A", Doc: "The authentication method."}, {Name: "b", Doc: "The binding."}, {Name: "B", Doc: "The message's size in bytes."}, {Name: "BI", Doc: "The batch id."},
		{Name: "CI", Doc: "The connection id."}, {Name: "d", Doc: "The routing domain."}, {Name: "g", Doc: "The binding group."},
		{Name: "h{X}", Doc: "The first value of the header X in one line."}, {Name: "H", Doc: "The peer's address; in a callout that tells of a delivery or its failure that of the next hop."},
		{Name: "i", Doc: "The message id."}, {Name: "m", Doc: "The sender's local part."}, {Name: "M", Doc: "The sender's domain."},
		{Name: "N", Doc: "How often delivery was tried."}, {Name: "p", Doc: "The protocol the message came by."},
		{Name: "P", Doc: "The pathway."}, {Name: "PG", Doc: "The pathway group; default where it is in none."}, {Name: "r", Doc: "The recipient's local part."}, {Name: "R", Doc: "The recipient's domain."},
		{Name: "t", Doc: "The time in seconds since 1970."}, {Name: "T", Doc: "Seconds since reception, two decimals."},
		{Name: "t{FMT}", Doc: "The time as os.date formats it."}, {Name: "n", Doc: "In a log hook the reply it tells of, else what msg:code set."},
		{Name: "s", Doc: "How far the dialogue with the next hop had come, in the log callouts of a delivery and of failures."},
		{Name: "S", Doc: "Its number; 22 in the other log callouts."},
		{Name: "c", Doc: "The class of that reply."}, {Name: "C", Doc: "The number of that class."},
		{Name: "T{N}", Doc: "Seconds since reception, N decimals."}, {Name: "U", Doc: "The authenticated user."},
		{Name: "us{N}", Doc: "The time in seconds since 1970, N decimals."},
		{Name: "vctx_conn{KEY}", Doc: "A variable of the connection's context."}, {Name: "vctx_mess{KEY}", Doc: "A variable of the message's context."},
	} {
		m.Name = "%" + m.Name
		list = append(list, m)
	}
	return list
}
