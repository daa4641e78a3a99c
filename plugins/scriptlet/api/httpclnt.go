package api

import lua "github.com/yuin/gopher-lua"

// The results of delivery hooks and classifiers, as
// reference/lua-api.tsv has them (constants of msys.delivery).
const (
	deliverContinue = iota
	deliverDone
	deliverSuccess
	deliverTempfailed
	deliverPermfailed
)

// deliveryPackage is what of msys.delivery needs no delivery by other means
// than SMTP: its constants.
func deliveryPackage() Package {
	return Package{
		Name: "msys.delivery",
		Doc:  "Results of delivery hooks.",
		Consts: []Const{
			{"DELIVERY_CONTINUE", lua.LNumber(deliverContinue), "Not handled, go on."},
			{"DELIVERY_DONE", lua.LNumber(deliverDone), "Handled."},
			{"DELIVERY_SUCCESS", lua.LNumber(deliverSuccess), "Delivered."},
			{"DELIVERY_TEMPFAILED", lua.LNumber(deliverTempfailed), "Failed for now."},
			{"DELIVERY_PERMFAILED", lua.LNumber(deliverPermfailed), "Failed for good."},
			{"DELIVERY_FAIL", lua.LNumber(-1), "The hook itself failed."},
		},
	}
}

// httpclntPackage is what of msys.httpclnt needs no delivery over HTTP.
func httpclntPackage() Package {
	return Package{
		Name: "msys.httpclnt",
		Doc:  "What the status of an HTTP delivery means. mtad delivers by SMTP only; requests of a script's own are msys.http.client's.",
		Funcs: []Func{smtpOnly("http_request_add_header"), smtpOnly("http_request_set_body"), {
			Name: "http_status_classifier", Params: []Param{{Name: "status", Type: Number}},
			Returns: "DELIVERY_SUCCESS | DELIVERY_PERMFAILED", Phases: "any", Since: "3.5",
			Doc:     "Says of an HTTP status whether a delivery succeeded: one of 2xx is a success, any other a failure for good (RFC 9110 §15.3).",
			Example: `local outcome = msys.httpclnt.http_status_classifier(200)`,
			Do: func(_ *Env, L *lua.LState) int {
				outcome := deliverPermfailed
				if status := L.ToNumber(1); status >= 200 && status < 300 {
					outcome = deliverSuccess
				}
				L.Push(lua.LNumber(outcome))
				return 1
			},
		}},
		Consts: []Const{
			{"HTTP_INTERNAL_CONT", lua.LNumber(0), "handle_response: go on."},
			{"HTTP_INTERNAL_DONE", lua.LNumber(1), "handle_response: done."},
			{"HTTP_INTERNAL_FAIL", lua.LNumber(-1), "handle_response: failed."},
		},
	}
}

// whySMTPOnly is why there is no session of an HTTP delivery.
const whySMTPOnly = "mtad delivers by SMTP only; msys.http.client makes requests of a script's own"

// smtpOnly is a function that needs such a session.
func smtpOnly(name string) Func {
	return Func{Name: name, Returns: "nothing", Phases: "none", Doc: "Is not there.", Status: Unsupported, Why: whySMTPOnly}
}
