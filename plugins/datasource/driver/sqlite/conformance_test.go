package sqlite

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/mtad/mtad/plugins/datasource/driver"
	"github.com/mtad/mtad/plugins/datasource/driver/drivertest"
)

func TestConformance(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	p, err := Driver{}.Open(driver.Config{Rest: path})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	drivertest.Fill(context.Background(), t, p)
	drivertest.SQL(drivertest.Suite{Driver: Driver{}, Rest: path, Numbers: true}).Run(t)
}
