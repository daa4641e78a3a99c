package modules

import (
	"context"
	"errors"
	"testing"

	"github.com/mtad/mtad/sdk"
)

// Authenticate lets in whoever is called as the module is.
func (p *probe) Authenticate(_ context.Context, r *sdk.AuthRequest) (*sdk.AuthAnswer, error) {
	if r.User == p.name && r.Password == "letmein" {
		return &sdk.AuthAnswer{Status: sdk.AuthOK, Groups: []string{r.Params["uri"]}}, nil
	}
	return &sdk.AuthAnswer{Status: sdk.AuthFail}, nil
}

func TestAuthenticate(t *testing.T) {
	b := newBench(t, quick())
	b.run(t, 1, configure(localSpec("one", RankThirdParty)), configure(probeSpec("two", RankThirdParty)))
	for _, scheme := range []string{"one", "two"} {
		for user, want := range map[string]sdk.AuthStatus{scheme: sdk.AuthOK, "other": sdk.AuthFail} {
			got, err := b.Authenticate(t.Context(), &sdk.AuthRequest{Scheme: scheme, User: user, Password: "letmein", Params: map[string]string{"uri": "x"}})
			if err != nil || got.Status != want || want == sdk.AuthOK && got.Groups[0] != "x" {
				t.Errorf("%s by %s: %+v, %v", user, scheme, got, err)
			}
		}
	}
	if _, err := b.Authenticate(t.Context(), &sdk.AuthRequest{Scheme: "three", User: "three"}); !errors.Is(err, sdk.ErrNotSupported) {
		t.Errorf("an unknown scheme: %v", err)
	}
}
