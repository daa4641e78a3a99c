package pgsql

import (
	"context"
	"strings"
	"testing"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/plugins/datasource/driver/drivertest"
)

func TestConformance(t *testing.T) {
	rest := strings.TrimPrefix(drivertest.Postgres(t), "pgsql:")
	p, err := Driver{}.Open(driver.Config{Rest: rest})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	drivertest.Fill(context.Background(), t, p)
	drivertest.SQL(drivertest.Suite{Driver: Driver{}, Rest: rest, Numbers: true,
		Account: driver.Account{Facility: "pgsql", Host: "127.0.0.1", User: "mtad"}}).Run(t)
}
