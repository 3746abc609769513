package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dreamlab/store/db"
	"dreamlab/store/postgres"
)

// Suite is a test program after whose tests PostgreSQL is asked how it would
// carry out each statement that they sent, over tables as large as they get: one
// that reads all of the jobs, entries or experiences fails the program. A part of
// the tests (-run) is not looked at.
type Suite struct{ *testing.M }

// Run runs the tests, then looks at the plans.
func (s Suite) Run() int {
	code := s.M.Run()
	if code != 0 || given("test.run") || given("test.bench") || given("test.list") {
		return code
	}
	if err := checkPlans(context.Background(), asked.all()); err != nil {
		fmt.Fprintf(os.Stderr, "FAIL: %v\n", err)
		return 1
	}
	return 0
}

func given(name string) bool { return flag.Lookup(name).Value.String() != "" }

// large are the tables that grow with the traffic.
var large = regexp.MustCompile(`\b(jobs|words|entries|experiences)\b`)

// scan is how a plan says that it reads all of a large table.
var scan = regexp.MustCompile(`Seq Scan on (jobs|words|entries|experiences)\b.*`)

// planned tells whether a statement has a plan over a large table. A table that
// a transaction has made for itself is gone by now.
func planned(query string) bool {
	verb, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	return slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}, strings.TrimSpace(verb)) &&
		large.MatchString(query) && !strings.Contains(query, "staged_")
}

func checkPlans(ctx context.Context, statements map[string][]any) error {
	private, err := postgresServer()
	if errors.Is(err, exec.ErrNotFound) {
		return nil // the tests told so themselves
	}
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	schema := "plans_" + strings.ToLower(rand.Text())
	if err := ask(ctx, private.url, "CREATE SCHEMA "+schema); err != nil {
		return fmt.Errorf("make a schema: %w", err)
	}
	d, err := postgres.Open(ctx, private.url+"&search_path="+schema)
	if err != nil {
		return fmt.Errorf("open PostgreSQL: %w", err)
	}
	if err = d.Migrate(ctx, -1); err == nil {
		err = Fill(ctx, d, Traffic{Rows: largeRows})
	}
	if err == nil {
		err = scans(ctx, d, statements)
	}
	return errors.Join(err, d.Close(), ask(ctx, private.url, "DROP SCHEMA "+schema+" CASCADE"))
}

func scans(ctx context.Context, d db.Driver, statements map[string][]any) error {
	var all []error
	for query, args := range statements {
		if planned(query) {
			all = append(all, indexed(ctx, d, query, args))
		}
	}
	return errors.Join(all...)
}

// indexed looks at both plans of a statement: the one for these arguments, and
// the one for any that a connection goes over to after five times
// (https://www.postgresql.org/docs/current/sql-prepare.html#SQL-PREPARE-NOTES).
func indexed(ctx context.Context, d db.Driver, query string, args []any) error {
	var all []error
	for name, explain := range map[string]func(context.Context, db.Driver, string, []any) (string, error){
		"its plan for these arguments": Explain, "its plan for any arguments": explainGeneric,
	} {
		plan, err := explain(ctx, d, query, args)
		if err != nil {
			all = append(all, fmt.Errorf("explain %s: %w", query, err))
		} else if found := scan.FindString(plan); found != "" {
			all = append(all, fmt.Errorf("%s reads a whole table: %s\n%s\n%s", name, found, query, plan))
		}
	}
	return errors.Join(all...)
}

// plain undoes, for a transaction, what the driver sets for the plans of a young
// database: a plan that only these settings make would hide a missing index.
var plain = []string{
	"SET LOCAL enable_seqscan = DEFAULT", "SET LOCAL random_page_cost = DEFAULT",
}

// Explain returns how PostgreSQL carries out a statement with these arguments,
// under the server's own settings.
func Explain(ctx context.Context, d db.Driver, query string, args []any) (string, error) {
	return explain(ctx, d, []string{"SET LOCAL plan_cache_mode = DEFAULT"}, "EXPLAIN "+query, args...)
}

// explainGeneric returns how PostgreSQL carries out a statement with any arguments.
func explainGeneric(ctx context.Context, d db.Driver, query string, args []any) (plan string, err error) {
	values := ""
	if len(args) > 0 {
		values = "(NULL" + strings.Repeat(", NULL", len(args)-1) + ")"
	}
	name := "plan_" + rand.Text()
	generic := []string{"SET LOCAL plan_cache_mode = force_generic_plan", "PREPARE " + name + " AS " + query}
	return explain(ctx, d, generic, "EXPLAIN EXECUTE "+name+values)
}

func explain(ctx context.Context, d db.Driver, before []string, query string, args ...any) (plan string, err error) {
	err = d.Tx(ctx, db.Relaxed, func(conn db.Conn) error {
		for _, statement := range slices.Concat(plain, before) {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
		plan, err = lines(ctx, conn, query, args...)
		return err
	})
	return plan, err
}

func lines(ctx context.Context, conn db.Conn, query string, args ...any) (string, error) {
	rows, err := conn.Query(ctx, query, args...)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = db.EachRow(rows, func(r db.Rows) error {
		var line string
		err := r.Scan(&line)
		out.WriteString(line + "\n")
		return err
	})
	return out.String(), err
}
