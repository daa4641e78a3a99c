// Package sdktest is for the tests of modules: a Host in the test's own
// process, states to call a module with, and the steps that bring a module to
// life. It runs in tests only.
//
//	host := &sdktest.Host{DNS: map[string]sdk.DNSAnswer{"MX example.com": {...}}}
//	sdktest.Start(t, module, host, sdktest.Scope("greylist", "x", "delay", 60))
//	state := sdktest.Session("192.0.2.1:4711").Mail("a@example.org").Rcpt("b@example.com").State()
//	answer, err := module.Call(ctx, sdktest.Call(state, sdk.ValidateRcptTo))
//
// Next: nothing; sdk/rpc carries the same calls in earnest.
package sdktest
