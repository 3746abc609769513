package db_test

import (
	"fmt"
	"testing"

	"dreamlab/store/db"
)

func TestMigrationsAreWhole(t *testing.T) {
	t.Parallel()
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		all, err := db.Migrations(dialect)
		must(t, err)
		for i, step := range all {
			if step.Version != i+1 || step.Name == "" || step.Up == "" || step.Down == "" {
				t.Errorf("%s: step %d is %d %q", dialect, i+1, step.Version, step.Name)
			}
		}
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	all := make([]db.Migration, 3)
	for i := range all {
		n := i + 1
		all[i] = db.Migration{Version: n, Name: "m", Up: fmt.Sprint("up", n), Down: fmt.Sprint("down", n)}
	}
	for _, c := range []struct {
		have, target int
		want         string
	}{
		{0, -1, "up1>1 up2>2 up3>3 "}, {0, 2, "up1>1 up2>2 "}, {1, 2, "up2>2 "}, {3, -1, ""}, {2, 2, ""},
		{3, 0, "down3>2 down2>1 down1>0 "}, {3, 1, "down3>2 down2>1 "},
		{4, -1, ""}, {0, 9, "up1>1 up2>2 up3>3 "},
	} {
		got := ""
		for _, step := range db.Steps(all, c.have, c.target) {
			got += fmt.Sprintf("%s>%d ", step.SQL, step.Leaves)
		}
		if got != c.want {
			t.Errorf("from %d to %d: got %q, want %q", c.have, c.target, got, c.want)
		}
	}
}
