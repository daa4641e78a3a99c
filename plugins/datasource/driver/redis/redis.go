// Package redis is the datasource driver for Redis and what speaks its protocol:
// "redis:host=..;port=..;unix=..;db=..;user=..;password=..;tls=..". A query is a
// command. It runs in the datasource module.
//
// Next: the rows go back to plugins/datasource.
package redis

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
)

// Driver opens Redis databases.
type Driver struct{}

// Name is "redis".
func (Driver) Name() string { return "redis" }

// Open takes "key=value" pairs separated by semicolons.
func (Driver) Open(c driver.Config) (driver.Pool, error) {
	s, err := parseURI(c.Rest)
	if err != nil {
		return nil, err
	}
	silent()
	return &pool{redis.NewClient(s.options(c))}, nil
}

type pool struct{ client *redis.Client }

// Query is part of driver.Pool.
func (p *pool) Query(ctx context.Context, st *driver.Statement, limit int) (*sdk.Rows, error) {
	words, err := command(st)
	if err != nil {
		return nil, err
	}
	args := make([]any, len(words))
	for i, w := range words {
		args[i] = w
	}
	answer, err := p.client.Do(ctx, args...).Result()
	switch {
	case errors.Is(err, redis.Nil):
		answer = nil
	case err != nil:
		return nil, asError(ctx, err)
	}
	if st.Execute {
		return &sdk.Rows{}, nil
	}
	rows := rowsOf(words, answer)
	if limit >= 0 && len(rows.Rows) > limit {
		rows.Rows = rows.Rows[:limit]
	}
	return rows, nil
}

// Close is part of driver.Pool.
func (p *pool) Close() error { return p.client.Close() }

// asError tells what the server said from what kept it from saying anything.
func asError(ctx context.Context, err error) error {
	var own *driver.Error
	if errors.As(err, &own) {
		return own
	}
	var said redis.Error
	if errors.As(err, &said) {
		return &driver.Error{Text: said.Error(), Down: refused(said.Error())}
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" || errors.Is(err, redis.ErrPoolTimeout) {
		return driver.Unreachable(ctx, err)
	}
	if gone := driver.GivenUp(ctx); gone != nil {
		return gone
	}
	return &driver.Error{Text: "lost connection to the server during the command: " + err.Error()}
}

// refused reports an answer that says that the command cannot have run
// (https://redis.io/docs/latest/develop/reference/protocol-spec/, simple errors).
func refused(text string) bool {
	word, _, _ := strings.Cut(text, " ")
	switch word {
	case "LOADING", "MASTERDOWN", "NOAUTH", "WRONGPASS", "NOPROTO":
		return true
	}
	return strings.Contains(text, "max number of clients reached")
}
