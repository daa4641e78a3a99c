package driver

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mtad/mtad/sdk/option"
)

// Field is one key of a uri, and where its value goes.
type Field struct {
	Key  string
	Into *string
}

// Pairs reads "key=value" pairs separated by semicolons. No error quotes a
// value: one of them is a password.
func Pairs(driver, rest string, fields []Field) error {
	for _, pair := range strings.Split(rest, ";") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("%s: what stands between semicolons in the uri must be key=value", driver)
		}
		into, err := find(driver, strings.ToLower(strings.TrimSpace(key)), fields)
		if err != nil {
			return err
		}
		*into = strings.TrimSpace(value)
	}
	return nil
}

func find(driver, key string, fields []Field) (*string, error) {
	var names []string
	for _, f := range fields {
		if f.Key == key {
			return f.Into, nil
		}
		names = append(names, f.Key)
	}
	if near := option.Nearest(key, names); near != "" {
		return nil, fmt.Errorf("%s: the uri has an unknown key %q; did you mean %q?", driver, key, near)
	}
	return nil, fmt.Errorf("%s: the uri has an unknown key %q; there are %s", driver, key, strings.Join(names, ", "))
}

// GivenUp is the error of a statement whose context ended, nil where it did not.
func GivenUp(ctx context.Context) *Error {
	if ctx.Err() == nil {
		return nil
	}
	return &Error{Text: "the statement was given up: " + ctx.Err().Error()}
}

// Unreachable is the error of a database that did not take the statement, or of
// one that only reads and did not answer. Who gave up waiting says nothing about
// the database.
func Unreachable(ctx context.Context, err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	return &Error{Text: "failed to connect: " + err.Error(), Down: !errors.Is(ctx.Err(), context.Canceled)}
}
