package db

import (
	"fmt"
	"io/fs"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"dreamlab/store/migrations"
)

// Migration is one step of the schema, with its way back.
type Migration struct {
	Version int
	Name    string
	Up      string
	Down    string
}

// Migrations returns the steps in a dialect's words, in order. A step is
// NNNN_name.up.sql and NNNN_name.down.sql; what one database alone needs
// stands in NNNN_name.up.postgres.sql and so on, and runs first (last on the
// way back).
func Migrations(dialect Dialect) ([]Migration, error) {
	ups, err := fs.Glob(migrations.Files, "*.up.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	sort.Strings(ups)
	steps := make([]Migration, 0, len(ups))
	for _, up := range ups {
		step, err := readMigration(dialect, strings.TrimSuffix(up, ".up.sql"))
		if err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, nil
}

func readMigration(dialect Dialect, base string) (Migration, error) {
	number, name, _ := strings.Cut(base, "_")
	version, err := strconv.Atoi(number)
	if err != nil {
		return Migration{}, fmt.Errorf("read migration %s: its name must begin with a number: %w", base, err)
	}
	up, err := migrations.Files.ReadFile(base + ".up.sql")
	if err != nil {
		return Migration{}, fmt.Errorf("read migration %s: %w", base, err)
	}
	down, err := migrations.Files.ReadFile(base + ".down.sql")
	if err != nil {
		return Migration{}, fmt.Errorf("read migration %s: every step has a way back: %w", base, err)
	}
	return Migration{
		Version: version,
		Name:    name,
		Up:      inBytes(dialect, Rebind(dialect, string(up))) + own(base+".up."+string(dialect)+".sql"),
		Down:    own(base+".down."+string(dialect)+".sql") + Rebind(dialect, string(down)),
	}, nil
}

var textColumn = regexp.MustCompile(`\bTEXT\b`)

// inBytes has PostgreSQL compare texts by their bytes, as SQLite does: they are
// ids, hashes, names and JSON. By the rules of a language each step down an index
// takes many times as long, and order is not the same everywhere.
func inBytes(dialect Dialect, step string) string {
	if dialect != Postgres {
		return step
	}
	return textColumn.ReplaceAllString(step, `TEXT COLLATE "C"`)
}

// own returns a dialect's own part of a step, "" where it has none.
func own(name string) string {
	text, err := migrations.Files.ReadFile(name)
	if err != nil {
		return ""
	}
	return "\n" + string(text) + "\n"
}

// Steps returns what leads from one version to another: ups in order, or downs
// in reverse. A target of -1 is the newest.
func Steps(all []Migration, have, target int) []Step {
	if target < 0 && len(all) > 0 {
		target = all[len(all)-1].Version
	}
	var steps []Step
	for _, m := range all {
		if m.Version > have && m.Version <= target {
			steps = append(steps, Step{Name: m.Name, SQL: m.Up, Leaves: m.Version})
		}
	}
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Version <= have && all[i].Version > target {
			steps = append(steps, Step{Name: all[i].Name, SQL: all[i].Down, Leaves: all[i].Version - 1})
		}
	}
	return steps
}

// Step is one move of the schema and the version that it leaves behind.
type Step struct {
	Name   string
	SQL    string
	Leaves int
}
