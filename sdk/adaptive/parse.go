package adaptive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Bounds of a set of rules.
const (
	maxDomains   = 100_000
	maxResponses = 10_000 // of a domain
	maxPattern   = 4096   // bytes
	maxCount     = 100_000
)

// rawDomain is a domain as a file or a script has it; an alias is a string.
type rawDomain struct {
	Responses     []rawResponse  `json:"responses"`
	Configuration map[string]any `json:"configuration"`
}

type rawResponse struct {
	Code    string `json:"code"`
	Trigger any    `json:"trigger"`
	Action  any    `json:"action"`
	Message string `json:"message"`
	Phase   string `json:"phase"`
}

// Parse reads rules from JSON: an object of domains, each an object with
// responses and configuration, or the name of the domain it is an alias of
// (manual, Custom Rules).
func Parse(text []byte) (Rules, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("the rules are no table of domains: %w", err)
	}
	if len(raw) > maxDomains {
		return nil, fmt.Errorf("there are more than %d domains", maxDomains)
	}
	rules := make(Rules, len(raw))
	for name, body := range raw {
		d, err := parseDomain(body)
		if err != nil {
			return nil, fmt.Errorf("domain %q: %w", name, err)
		}
		rules[strings.ToLower(strings.TrimSpace(name))] = d
	}
	for name, d := range rules {
		if to := rules[d.Alias]; d.Alias != "" && to != nil && to.Alias != "" {
			return nil, fmt.Errorf("domain %q: %q, which it is an alias of, is an alias itself", name, d.Alias)
		}
	}
	return rules, nil
}

func parseDomain(body json.RawMessage) (*Domain, error) {
	var alias string
	if json.Unmarshal(body, &alias) == nil {
		return &Domain{Alias: strings.ToLower(strings.TrimSpace(alias))}, nil
	}
	var raw rawDomain
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&raw); err != nil {
		return nil, fmt.Errorf("it is no table of responses and configuration, and no name of another domain: %w", err)
	}
	if len(raw.Responses) > maxResponses {
		return nil, fmt.Errorf("it has more than %d responses", maxResponses)
	}
	d := &Domain{Settings: make(map[string]Range, len(raw.Configuration))}
	for i := range raw.Responses {
		r, err := raw.Responses[i].parse()
		if err != nil {
			return nil, fmt.Errorf("response %d: %w", i+1, err)
		}
		d.Responses = append(d.Responses, *r)
	}
	for option, value := range raw.Configuration {
		r, err := parseRange(value)
		if err != nil {
			return nil, fmt.Errorf("configuration %s: %w", option, err)
		}
		d.Settings[strings.ToLower(option)] = r
	}
	return d, nil
}

func (raw *rawResponse) parse() (*Response, error) {
	r := &Response{Message: raw.Message, Phase: raw.Phase}
	if raw.Code == "" || len(raw.Code) > maxPattern {
		return nil, fmt.Errorf("code must be a pattern of at most %d bytes", maxPattern)
	}
	var err error
	if r.Code, err = regexp.Compile(raw.Code); err != nil {
		return nil, fmt.Errorf("code: %w", err)
	}
	if r.Trigger, err = parseTrigger(raw.Trigger); err != nil {
		return nil, err
	}
	if r.Actions, err = ParseActions(flatten(nil, raw.Action)); err != nil {
		return nil, err
	}
	if len(r.Actions) == 0 {
		return nil, fmt.Errorf("action is missing")
	}
	return r, nil
}

// parseTrigger reads "1", or "10/1": more than ten times within a second.
func parseTrigger(v any) (Trigger, error) {
	if v == nil {
		return Trigger{}, nil
	}
	text := strings.TrimSpace(fmt.Sprint(v))
	count, seconds, rate := strings.Cut(text, "/")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	if !rate && err == nil && n == 1 {
		return Trigger{}, nil
	}
	within, bad := strconv.ParseFloat(strings.TrimSpace(seconds), 64)
	if !rate || err != nil || bad != nil || n < 1 || n > maxCount || !(within > 0 && within <= 366*86400) {
		return Trigger{}, fmt.Errorf("trigger %q is neither \"1\" nor a count and seconds such as \"10/1\"", text)
	}
	return Trigger{Count: n, Within: time.Duration(within * float64(time.Second))}, nil
}

// flatten gives the words of an action, which scripts write as a list, as a
// list of lists, or as several actions in one list.
func flatten(out []string, v any) []string {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			out = flatten(out, item)
		}
	case nil:
	default:
		out = append(out, fmt.Sprint(v))
	}
	return out
}

// verbs are the names of the actions.
func verbs() map[string]Verb {
	return map[string]Verb{
		"suspend": Suspend, "blackhole": Blackhole, "throttle": Throttle, "greylisted": Greylisted, "warmup": Warmup,
		"reduce_connections": ReduceConnections, "reduce_deliveries": ReduceDeliveries, "transcode": Transcode,
	}
}

// String is the action as rules write it.
func (a Action) String() string {
	var name string
	for word, verb := range verbs() {
		if verb == a.Verb {
			name = word
		}
	}
	switch a.Verb {
	case Suspend, Blackhole, Greylisted:
		return name + " " + a.Span.String()
	case Throttle:
		return name + " down"
	case Transcode:
		return name + " " + a.Text
	}
	return name + " " + strconv.FormatInt(a.Number, 10)
}

// ParseActions reads words such as "suspend", "4 hours", "throttle", "down".
func ParseActions(words []string) ([]Action, error) {
	known := verbs()
	var out []Action
	for i := 0; i < len(words); {
		verb, ok := known[strings.ToLower(words[i])]
		if !ok {
			return nil, fmt.Errorf("action %q is not known", words[i])
		}
		a := Action{Verb: verb}
		i++
		if i < len(words) {
			if _, next := known[strings.ToLower(words[i])]; !next {
				if err := a.take(words[i]); err != nil {
					return nil, err
				}
				i++
				out = append(out, a)
				continue
			}
		}
		if err := a.take(""); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// take reads the action's parameter; "" where there is none.
func (a *Action) take(word string) (err error) {
	switch a.Verb {
	case Suspend, Blackhole, Greylisted:
		if word == "" && a.Verb != Greylisted {
			return nil
		}
		a.Span, err = ParseSpan(word)
	case Throttle:
		if !strings.EqualFold(word, "down") && word != "" {
			return fmt.Errorf("throttle can only go down, not %q", word)
		}
	case Transcode:
		a.Text = word
		if len(word) < 3 || word[0] != '4' && word[0] != '5' || strings.Trim(word[:3], "0123456789") != "" {
			return fmt.Errorf("transcode needs a reply of 4xx or 5xx, not %q", word)
		}
	case Warmup, ReduceConnections, ReduceDeliveries:
		if word == "" && a.Verb != Warmup {
			a.Number = 1
			return nil
		}
		a.Number, err = strconv.ParseInt(word, 10, 64)
		if err != nil || a.Number < 0 {
			return fmt.Errorf("%q is no number", word)
		}
	}
	return err
}

// ParseSpan reads a time such as "4 hours" or "1 minute"; the units are
// seconds, minutes, hours and days.
func ParseSpan(text string) (time.Duration, error) {
	number, unit, _ := strings.Cut(strings.TrimSpace(text), " ")
	n, err := strconv.ParseInt(number, 10, 64)
	units := map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	each := units[strings.TrimSuffix(strings.ToLower(strings.TrimSpace(unit)), "s")]
	if err != nil || each == 0 || n < 1 || n > int64(10*366*24*time.Hour/each) {
		return 0, fmt.Errorf("%q is no time such as \"4 hours\"", text)
	}
	return time.Duration(n) * each, nil
}

// parseRange reads a number, or a pair of them.
func parseRange(v any) (Range, error) {
	list, pair := v.([]any)
	if !pair {
		list = []any{v, v}
	}
	if len(list) != 2 {
		return Range{}, fmt.Errorf("a number or a pair of numbers is expected")
	}
	low, err := bound(list[0])
	high, bad := bound(list[1])
	if err != nil || bad != nil || low > high {
		return Range{}, fmt.Errorf("a number or a pair of numbers, the lower first, is expected")
	}
	return Range{low, high}, nil
}

func bound(v any) (int64, error) {
	f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > 1e12 {
		return 0, fmt.Errorf("no number")
	}
	return int64(f), nil
}
