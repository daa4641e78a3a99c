package rpc

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/rpc/pb"
)

func TestAuthCrosses(t *testing.T) {
	in := filled[sdk.AuthRequest]()
	if d := cmp.Diff(in, (&decoder{}).authRequest(authRequestToPB(in))); d != "" {
		t.Error(d)
	}
	for _, answer := range []sdk.AuthAnswer{
		{}, {Status: sdk.AuthFail}, {Status: sdk.AuthOK, Groups: []string{"root", "\xff"}},
	} {
		if d := cmp.Diff(&answer, (&decoder{}).authAnswer(authAnswerToPB(&answer))); d != "" {
			t.Error(d)
		}
	}
	if got := (&decoder{}).authAnswer(&pb.AuthAnswer{Status: 200}).Status; got != sdk.AuthError {
		t.Errorf("an unknown status became %s", got)
	}
	sub := sdk.Subscription{AuthSchemes: []string{"myscheme"}}
	if d := cmp.Diff(sub, (&decoder{}).subscription(subscriptionToPB(&sub))); d != "" {
		t.Error(d)
	}
	info := sdk.Info{Name: "x", Powers: sdk.CanAuthenticate}
	p, err := infoToPB(info)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := (&decoder{}).info(p); err != nil || out.Powers != sdk.CanAuthenticate {
		t.Errorf("powers %d, %v", out.Powers, err)
	}
	numbers := map[string]bool{
		"AUTH_STATUS_OK":             pb.AuthStatus(sdk.AuthOK).String() == "AUTH_STATUS_OK",
		"AUTH_STATUS_FAIL":           pb.AuthStatus(sdk.AuthFail).String() == "AUTH_STATUS_FAIL",
		"AUTH_QUESTION_ALL_GROUPS":   pb.AuthQuestion(sdk.AuthAllGroups).String() == "AUTH_QUESTION_ALL_GROUPS",
		"AUTH_QUESTION_USER_GROUPS":  pb.AuthQuestion(sdk.AuthUserGroups).String() == "AUTH_QUESTION_USER_GROUPS",
		"no more statuses":           len(pb.AuthStatus_name) == int(sdk.AuthOK)+1,
		"the zero value is no grant": sdk.AuthStatus(0) == sdk.AuthError,
	}
	for name, right := range numbers {
		if !right {
			t.Errorf("%s: the numbers of both sides differ", name)
		}
	}
}
