package mysql

import (
	"context"
	"strings"
	"testing"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/plugins/datasource/driver/drivertest"
)

func TestConformance(t *testing.T) {
	db := drivertest.NewMariaDB(t)
	drivertest.Fill(context.Background(), t, open(t, db.URI))
	drivertest.SQL(drivertest.Suite{Driver: Driver{}, Rest: strings.TrimPrefix(db.URI, "mysql:"), Server: &db.Process,
		Account: driver.Account{Facility: "mysql", Host: "127.0.0.1", User: "ectest"}, Secret: "password=ectest"}).Run(t)
}
