package auth

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/mtad/mtad/sdk"
)

// Groups gives the groups that a user is in; for the empty user, all there are.
func (d *Directory) Groups(ctx context.Context, t *Target, user string) ([]string, sdk.AuthStatus) {
	var groups []string
	var err error
	status := sdk.AuthOK
	scheme, isQuery := d.scheme(t)
	switch {
	case t.Scheme == schemeGroups:
		groups, err = groupsOf(t.Path, user)
	case isQuery:
		groups, err = d.queryGroups(ctx, scheme, t, user)
	default:
		question := sdk.AuthUserGroups
		if user == "" {
			question = sdk.AuthAllGroups
		}
		groups, status, err = d.askModule(ctx, t, &sdk.AuthRequest{Question: question, User: user})
	}
	if err != nil {
		d.report(t, err)
		return nil, sdk.AuthError
	}
	return groups, status
}

// groupsOf reads a groups:// file: "group:user,user" or "group:x:user,user"
// (manual, Control_Listener authorization).
func groupsOf(path, user string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var groups []string
	eachLine(string(text), func(line string) {
		fields := strings.Split(line, ":")
		members := strings.Split(fields[len(fields)-1], ",")
		for i := range members {
			members[i] = strings.TrimSpace(members[i])
		}
		in := len(fields) > 1 && (user == "" || slices.Contains(members, user))
		if in && fields[0] != "" && !slices.Contains(groups, fields[0]) {
			groups = append(groups, fields[0])
		}
	})
	return groups, nil
}
