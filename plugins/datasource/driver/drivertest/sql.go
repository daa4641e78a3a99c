package drivertest

import (
	"context"
	"testing"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/sdk"
)

// SQL gives a suite the statements of a database that speaks SQL.
func SQL(s Suite) Suite {
	s.ByName = "SELECT code, note FROM accounts WHERE name = :who"
	s.All = "SELECT name FROM accounts ORDER BY name"
	s.Broken = "SELECT nothing FROM nowhere"
	return s
}

// Fill makes the accounts in such a database.
func Fill(ctx context.Context, t testing.TB, p driver.Pool) {
	t.Helper()
	text := func(s string) sdk.Datum { return sdk.Datum{Kind: sdk.DatumText, Text: s} }
	statements := []sdk.Query{
		{SQL: "CREATE TABLE accounts (name VARCHAR(50) PRIMARY KEY, code INTEGER, note VARCHAR(50))"},
		{SQL: "INSERT INTO accounts VALUES (?, ?, ?)", Positional: []sdk.Datum{text("alice"), {Kind: sdk.DatumInt, Int: 250}, text("gold")}},
		{SQL: "INSERT INTO accounts VALUES (:n, :c, :t)", Named: map[string]sdk.Datum{"n": text("o'brien"), "c": text("251"), "t": text("it's fine")}},
		{SQL: "INSERT INTO accounts VALUES ($n, 252, ?)", Named: map[string]sdk.Datum{"n": text("bob")}},
	}
	for _, q := range statements {
		q.Execute = true
		if _, err := p.Query(ctx, driver.Parse(&q), -1); err != nil {
			t.Fatalf("%s: %v", q.SQL, err)
		}
	}
}
