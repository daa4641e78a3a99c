package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/mtad/mtad/test/mtatest"
)

// What a hostile policy does, and from where. A sender <bomb.place@client.test>
// asks for one of each.
const hostilePolicy = `
local bombs = {
  loop = function() while true do end end,
  protected = function() while true do pcall(function() while true do end end) end end,
  handler = function() while true do xpcall(error, function() while true do end end) end end,
  rep = function() local t = {} while true do t[#t + 1] = string.rep("a", 1e6) end end,
  pattern = function() string.find(string.rep("a", 30), string.rep("a-", 25) .. "b") end,
  deep = function() local function f() return 1 + f() end while true do pcall(f) end end,
  tail = function() local function f(n) return f(n + 1) end f(0) end,
  growth = function() local t, i = {}, 0 while true do i = i + 1 t[i] = {i} end end,
  sparse = function() local t = {} while true do local h = {} h[262142] = 1 t[#t + 1] = h end end,
  hollow = function() local t = {} t[262142] = 1 t[262142] = nil while true do local n = #t end end,
  sort = function() while true do pcall(table.sort, {5, 3, 8, 1, 9, 2}, function(a, b) return true end) end end,
  concat = function() local s = "aaaaaaaaaaaaaaaa" while true do local ok = pcall(function() s = s .. s .. s end) end end,
  compare = function() local s = string.rep("a", 4e6) local a, b = s .. "b", s .. "c" while true do local x = a < b end end,
  coroutines = function() local t = {} while true do pcall(function() t[#t + 1] = coroutine.create(function() end) end) end end,
  nested = function() local function f() coroutine.wrap(f)() end while true do pcall(f) end end,
  copies = function() local s = string.rep("a", 4e6) while true do local x, y = s:upper(), s .. s:reverse() end end,
  missing = function() while true do pcall(require, "not.there") end end,
  data = function()
    local t = {}
    for i = 1, 20000 do t[i] = "['x" .. i .. "'] = true," end
    local s = "return {" .. table.concat(t) .. "}"
    while true do loadstring(s)() end
  end,
  compile = function() local s = string.rep("x = y" .. string.rep("+1", 4900) .. "\n", 50) while true do loadstring(s) end end,
  constants = function()
    local t = {}
    for i = 1, 20000 do t[i] = "x" .. i .. " = '" .. i .. "'" end
    local s = table.concat(t, "\n")
    while true do loadstring(s) end
  end,
}
local places = {
  plain = function(f) f() end,
  coroutine = function(f) coroutine.wrap(f)() end,
  pcall = function(f) while true do pcall(f) end end,
  metamethod = function(f) local x = setmetatable({}, {__index = f}).key end,
  arithmetic = function(f) local x = setmetatable({}, {__add = f}) + 1 end,
  text = function(f) tostring(setmetatable({}, {__tostring = f})) end,
  comparator = function(f) table.sort({2, 1}, f) end,
  callback = function(f) string.gsub("aaa", "a", f) end,
  wrapped = function(f) string.gsub("aaa", "a", coroutine.wrap(f)) end,
  iterator = function(f) for k in f do end end,
  resumed = function(f) while true do coroutine.resume(coroutine.create(f)) end end,
}
function mod:validate_mailfrom(str, ac, vctx)
  local bomb, place = tostring(str):match("(%a+)%.(%a+)@client%.test");
  if bomb then
    places[place](bombs[bomb]);
    print(bomb .. "." .. place .. " came to an end");
  end
  return msys.core.VALIDATE_CONT;
end
`

// TestHostilePolicy: whatever a script does, from wherever it does it, its
// session gets a 4xx, the module's process lives, and other sessions go on.
func TestHostilePolicy(t *testing.T) {
	t.Parallel()
	bombs, places := names(hostilePolicy, "bombs"), names(hostilePolicy, "places")
	s := mtatest.Start(t, mtatest.Config{
		Scripts:   []mtatest.Script{script("hostile", hostilePolicy)},
		Scriptlet: "cpu_limit = 40\n  memory_limit = 33554432",
	})
	before, ok := s.Module("scriptlet")
	if !ok || len(bombs) < 10 || len(places) < 8 {
		t.Fatalf("module %v, bombs %v, places %v", ok, bombs, places)
	}
	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() { bystander(t, s, stop) })
	for i, bomb := range bombs {
		for j, place := range places {
			if i%3 != j%3 && place != "plain" { // each of them in many places, and all of it in a short time
				continue
			}
			c := open(t, s)
			if got := cmd(t, c, fmt.Sprintf("MAIL FROM:<%s.%s@client.test>", bomb, place)); !strings.HasPrefix(got, "421 4.3.0") {
				t.Errorf("%s in %s: %q", bomb, place, got)
			}
			if err := c.Closed(); err != nil {
				t.Errorf("%s in %s: %v", bomb, place, err)
			}
		}
	}
	close(stop)
	others.Wait()
	if after, _ := s.Module("scriptlet"); after.PID != before.PID {
		t.Errorf("the module was %s and is %s", before, after)
	}
	if log := s.Log("paniclog.ec"); strings.Contains(log, "came to an end") || strings.Contains(log, "internal error") {
		t.Errorf("paniclog:\n%.3000s", log)
	}
	s.Eventually("the module's memory to come back", func() string {
		if m := s.Memory()["scriptlet"]; m > before.RSS+(256<<20) {
			return fmt.Sprintf("%d MiB, %d MiB before", m>>20, before.RSS>>20)
		}
		return ""
	})
}

// bystander is a session that nothing may happen to.
func bystander(t *testing.T, s *mtatest.Server, stop chan struct{}) {
	c, err := mtatest.Dial(s.SMTP)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	if err := c.Hello(); err != nil {
		t.Error(err)
		return
	}
	for {
		for _, line := range []string{"MAIL FROM:<a@example.org>", "RCPT TO:<b@example.com>", "RSET"} {
			if err := c.Want(250, line); err != nil {
				t.Error(err)
				return
			}
		}
		select {
		case <-stop:
			return
		default:
		}
	}
}

// names are the keys of a table in the policy.
func names(policy, table string) []string {
	_, rest, _ := strings.Cut(policy, "local "+table+" = {\n")
	body, _, _ := strings.Cut(rest, "\n}\n")
	var found []string
	for line := range strings.Lines(body + "\n") {
		if name, _, ok := strings.Cut(line, " = function("); ok && strings.HasPrefix(name, "  ") && !strings.HasPrefix(name, "   ") {
			found = append(found, strings.TrimSpace(name))
		}
	}
	return found
}
