package main

import (
	"fmt"
	"strings"
)

// task is something that people want to do, and what of the API does it.
type task struct {
	does  string
	words string   // what they may search for
	names []string // full names of functions and methods; the first is where to begin
}

// taskGroup is a heading of the index with its tasks.
type taskGroup struct {
	title string
	tasks []task
}

// taskGroups are the index by task.
func taskGroups() []taskGroup {
	return []taskGroup{
		{"Scripts", []task{
			{"Bind callouts to the phases of a message", "hook, register, module, callout, script", []string{"msys.registerModule"}},
			{"Write to the paniclog", "log, print, debug, level, trace", []string{"print", "msys.log", "msys.dumper.Dumper"}},
			{"Add a console command", "control, ec_console, admin", []string{"msys.registerControl"}},
			{"Run something later, or every minute", "timer, cron, schedule, delay", []string{"msys.timer.every", "msys.timer.after", "msys.timer.at"}},
			{"Read a file or an option", "configuration, readfile, list", []string{"msys.readfile", "msys.config"}},
			{"Hold others off a piece of work", "lock, mutex, thread, concurrency", []string{"msys.lock", "thread.mutex", "thread.condition", "thread.rwlock"}},
		}},
		{"Deciding", []task{
			{"Refuse a client, a command or a message", "reject, 550, 421, tempfail, set_code, reply", []string{"validate_context:set_code", "validate_context:disconnect"}},
			{"Accept a message and drop it", "discard, blackhole", []string{"ec_message:discard"}},
			{"Slow a client down", "tarpit, throttle, rate limit", []string{"validate_context:tarpit", "msys.sleep"}},
			{"Count, and limit by count", "rate limit, counter, quota", []string{"msys.counter.inc", "msys.counter.read", "msys.timer.every"}},
			{"Look an address up in a database", "SQL, sqlite, postgres, mysql, ldap, customer, recipient", []string{"msys.db.fetch_row", "msys.db.query", "msys.db.execute"}},
			{"Ask the DNS", "DNSBL, RBL, MX, TXT, PTR, reverse", []string{"msys.dnsLookup"}},
			{"Find words in a message", "keyword, filter, regular expression, PCRE, spam", []string{"msys.pcre.match", "ec_message:text_match", "ec_message:body_match", "ec_message:raw_match"}},
			{"Remember something for a later phase", "context, variable, vctx", []string{"validate_context:set", "validate_context:get", "ec_message:context_set", "ec_message:context_get"}},
		}},
		{"Messages", []task{
			{"Read and change headers", "Subject, From, rewrite, add, delete", []string{"ec_message:header", "ec_message:address_header", "msgpart:header"}},
			{"Change the sender, for each recipient", "VERP, return path, envelope, bounce address", []string{"ec_message:mailfrom", "ec_message:rcptto", "ec_message:get_envelope2"}},
			{"Add or remove recipients", "bcc, archive, alias", []string{"validate_context:add_recipient", "validate_context:remove_recipient", "validate_context:recipient_list"}},
			{"Work on MIME parts", "attachment, footer, disclaimer, text, html", []string{"ec_message:mime", "ec_message:makePart", "msgpart:addLastChild", "msgpart:text", "msgpart:content_type"}},
			{"Replace text", "mask, redact", []string{"ec_message:text_replace", "ec_message:body_replace", "msgpart:text_replace"}},
			{"Send a message of your own, or a copy", "inject, notify, journal, new message", []string{"msys.core.ec_message_new", "ec_message:build", "ec_message:copy", "ec_message:inject", "ec_message:forward"}},
			{"Encode and decode", "base64, quoted-printable, JSON", []string{"msys.base64.encode", "msys.qp.encode", "json.decode", "json.encode"}},
		}},
		{"Delivery", []task{
			{"Choose a binding", "IP address, pool, binding group, outbound", []string{"ec_message:binding", "ec_message:binding_group"}},
			{"Send by another way", "smart host, route, gateway, routing domain", []string{"ec_message:routing_domain"}},
		}},
	}
}

// taskTables are the tasks as tables with links.
func taskTables(at map[string]string) string {
	var b strings.Builder
	for _, g := range taskGroups() {
		fmt.Fprintf(&b, "### %s\n\n| to | begin with | search words |\n|---|---|---|\n", g.title)
		for _, t := range g.tasks {
			links := make([]string, len(t.names))
			for i, name := range t.names {
				links[i] = fmt.Sprintf("[%s](%s)", spoken(name), at[name])
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", cell(t.does), strings.Join(links, ", "), cell(t.words))
		}
		b.WriteString("\n")
	}
	return b.String()
}
