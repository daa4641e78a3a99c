package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// asking has MAIL FROM ask a service over HTTP, which answers in XML, in JSON
// for senders of json.test, and otherwise not as it should.
func asking(url string) mtatest.Script {
	return script("asking", fmt.Sprintf(`
require("msys.http.client");
require("json");
require("xml");
local url = %q;
local function verdict(client)
  local headers = client:parse_headers(client:get_headers());
  if headers["content-type"] == "application/json" then
    local answer = json.decode(client:get_body());
    return answer.code, answer.text;
  end
  local doc = xml.parsexml(client:get_body());
  if not doc then return 451, "no answer"; end
  for node in doc:xpath("//verdict") do
    return tonumber(node:attr("code")), node:contents();
  end
end
function mod:validate_mailfrom(str, ac, vctx)
  local sender = tostring(str):match("<(.*)>");
  local client = msys.http.client.new();
  client:set_timeout(20);
  client:set_header("Content-Type: application/json");
  local ok, err = client:do_request("POST", url, tostring(json.encode{ sender = sender }));
  if not ok or client:get_status() ~= 200 then
    print("service: " .. tostring(err or client:get_status()));
    vctx:set_code(451, "4.3.0 try again later");
    return msys.core.VALIDATE_DONE;
  end
  local code, text = verdict(client);
  if code ~= 250 then vctx:set_code(code, text); end
  return msys.core.VALIDATE_CONT;
end
`, url))
}

// policyService answers by the sender's domain.
func policyService(w http.ResponseWriter, sender string) {
	switch _, domain, _ := strings.Cut(sender, "@"); domain {
	case "json.test":
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"code": 553, "text": "5.7.1 not \u201cyou\u201d"}`)
	case "xml.test":
		fmt.Fprint(w, `<?xml version="1.0"?><answer><verdict code="550">5.7.1 <![CDATA[<no>]]></verdict></answer>`)
	case "bomb.test":
		fmt.Fprint(w, `<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;&c;</a>`)
	case "down.test":
		w.WriteHeader(http.StatusServiceUnavailable)
	case "huge.test":
		for range 20 {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	default:
		fmt.Fprint(w, `<answer><verdict code="250"/></answer>`)
	}
}

func sentBy(r *http.Request) string {
	var body [200]byte
	n, _ := r.Body.Read(body[:])
	_, rest, _ := strings.Cut(string(body[:n]), `"sender": "`)
	sender, _, _ := strings.Cut(rest, `"`)
	return sender
}

// TestPolicyOverHTTP: a script asks a service, reads its answer, and the
// client sees what the service said, whatever it said.
func TestPolicyOverHTTP(t *testing.T) {
	t.Parallel()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { policyService(w, sentBy(r)) }))
	t.Cleanup(service.Close)
	sink := mtatest.NewSink(t)
	s := mtatest.Start(t, mtatest.Config{Next: sink, Scripts: []mtatest.Script{asking(service.URL)}})
	c := open(t, s)
	for domain, want := range map[string]string{
		"json.test": "553 5.7.1 not", "xml.test": "550 5.7.1 <no>", "bomb.test": "451 no answer", "good.test": "250",
		"down.test": "451 4.3.0 try again later", "huge.test": "451 4.3.0 try again later",
	} {
		say(t, c, "MAIL FROM:<a@"+domain+">", want)
		say(t, c, "RSET", "250")
	}
	s.Logged("paniclog.ec", "service: 503")
	s.Logged("paniclog.ec", "service: the answer is too large")
	submit(t, s, "a@good.test", "b@example.com")
	sink.Wait(t, "b@example.com")
}

// TestManyWaitForHTTP: the service answers nobody before all have asked, so
// every session must wait at the same time.
func TestManyWaitForHTTP(t *testing.T) {
	t.Parallel()
	const sessions = 40
	var all sync.WaitGroup
	all.Add(sessions)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all.Done()
		all.Wait()
		policyService(w, sentBy(r))
	}))
	t.Cleanup(service.Close)
	s := mtatest.Start(t, mtatest.Config{Scripts: []mtatest.Script{asking(service.URL)}})
	gather(t, s, sessions).wait(t, "many", func() {})
}
