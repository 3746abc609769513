package storetest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"dreamlab/store/db"
)

// largeRows is how many rows Fill gives the tables for a look at plans: with far
// fewer PostgreSQL rightly reads a whole table.
const largeRows = 100_000

// Traffic is what Fill fills the tables with.
type Traffic struct {
	Rows int // of each table
	// Tenant has all of it. Defaults to fifty tenants, which share it.
	Tenant string
	// Until is when the last row was made, and the first ninety days before; jobs before the last ten
	// thousand have all ended. Defaults to a row in each microsecond from 1970 on.
	Until time.Time
}

const (
	microsPerDay = 24 * 60 * 60 * 1_000_000
	traffic      = 90 * microsPerDay // the time that it spreads over
	recent       = 10_000            // rows, some of which are open
)

// in replaces {tenant}, {talker}, that of a conversation, {open}, {at} and {day} by expressions of the row's
// number n.
func (t Traffic) in(statement string) string {
	tenant, talker, open, at, day := `'ten_' || n % 50`, `'ten_' || n / 5 % 50`, `(n % 100 = 7)`, `n`, `0`
	if t.Tenant != "" {
		tenant = `'` + t.Tenant + `'`
		talker = tenant
	}
	if !t.Until.IsZero() {
		open = fmt.Sprintf("(n %% 100 = 7 AND n > %d)", t.Rows-recent)
		at = fmt.Sprintf("(%d - (%d - n) * %d)", t.Until.UnixMicro(), t.Rows, max(1, traffic/t.Rows))
		day = at + fmt.Sprintf(" / %d", microsPerDay)
	}
	return strings.NewReplacer("{tenant}", tenant, "{talker}", talker, "{open}", open, "{at}", at, "{day}", day).Replace(statement)
}

// Fill fills jobs, their words, entries and experiences of a migrated PostgreSQL schema as
// months of traffic do: of a hundred jobs one open, and children of dreams among them.
func Fill(ctx context.Context, d db.Conn, t Traffic) error {
	again, err := dropIndexes(ctx, d)
	if err != nil {
		return fmt.Errorf("drop indexes: %w", err)
	}
	if err := t.insert(ctx, d); err != nil {
		return fmt.Errorf("fill the tables: %w", err)
	}
	for _, statement := range append(again, "ANALYZE") {
		if _, err := d.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// dropIndexes drops those indexes of the filled tables that belong to no constraint, and returns the
// statements that make them again. Ten million rows are sorted into an index in a tenth of the time
// that it takes to add them one by one.
func dropIndexes(ctx context.Context, d db.Conn) (again []string, err error) {
	rows, err := d.Query(ctx, `SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
		WHERE i.indrelid IN ('jobs'::regclass, 'words'::regclass, 'entries'::regclass, 'conversations'::regclass, 'experiences'::regclass)
			AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid) ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var drops []string
	for rows.Next() {
		var name, definition string
		if err := rows.Scan(&name, &definition); err != nil {
			return nil, err
		}
		drops, again = append(drops, "DROP INDEX "+name), append(again, definition)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, drop := range drops {
		if _, err := d.Exec(ctx, drop); err != nil {
			return nil, err
		}
	}
	return again, nil
}

// insert adds the rows.
func (t Traffic) insert(ctx context.Context, d db.Conn) error {
	for _, statement := range []string{
		`INSERT INTO jobs (id, tenant, key_id, alias, kind, lane, state, phase, input, result, parent, subject, run_at,
			lease_until, dispatched_at, expires_at, idem_key, created, finished)
		SELECT 'job_' || lpad(n::text, 9, '0'), {tenant},
			'key_' || n % 500, CASE WHEN n % 10 > 0 THEN 'assistant' END,
			CASE WHEN n % 10 = 0 THEN 'dream.slice' ELSE 'chat.run' END,
			CASE WHEN n % 10 = 0 THEN 'dream' ELSE 'chat' END,
			CASE WHEN {open} THEN CASE n % 400 WHEN 7 THEN 'queued' WHEN 107 THEN 'dispatched'
				WHEN 207 THEN 'running' ELSE 'waiting' END
				WHEN n % 50 = 1 THEN 'failed' WHEN n % 50 = 2 THEN 'cancelled' ELSE 'succeeded' END,
			CASE WHEN {open} THEN CASE n % 400 WHEN 7 THEN 'ready' WHEN 107 THEN 'flight'
				WHEN 207 THEN 'flight' ELSE 'later' END
				WHEN n % 50 = 1 THEN 'failed' WHEN n % 50 = 2 THEN 'cancelled' ELSE 'succeeded' END,
			'{"messages": []}', '{"choices": []}',
			CASE WHEN n % 10 = 0 THEN 'job_' || lpad((n - n % 1000 + 1)::text, 9, '0') END,
			CASE WHEN n % 10 = 0 THEN 'drm_' || n / 1000 END,
			{at}, CASE WHEN {open} AND n % 400 = 207 THEN {at} END,
			CASE WHEN {open} AND n % 400 = 107 THEN {at} END,
			CASE WHEN n % 3 = 0 THEN {at} END, CASE WHEN n % 3 = 0 THEN 'key ' || n END,
			{at}, CASE WHEN {open} THEN NULL ELSE {at} END
		FROM generate_series(1, $1::bigint) AS n`,
		`INSERT INTO entries (id, tenant, job, root, step, epoch, number, purpose, provider, model, state, reserved,
			day, created, lost)
		SELECT 'ent_' || lpad(n::text, 9, '0'), {tenant}, 'job_' || lpad(n::text, 9, '0'),
			'job_' || lpad((CASE WHEN n % 10 = 0 THEN n - n % 1000 + 1 ELSE n END)::text, 9, '0'), 'answer', 1, 1,
			CASE WHEN n % 500 = 0 THEN 'host' ELSE 'chat' END, 'groq', 'openai/gpt-oss-20b',
			CASE WHEN n / 50 % 1000 = 3 THEN 'unknown' WHEN n / 50 % 1000 = 4 THEN 'open' ELSE 'settled' END, 1, {day}, {at},
			CASE WHEN n / 50 % 1000 = 3 THEN {at} END
		FROM generate_series(1, $1::bigint) AS n`,
		`INSERT INTO words (tenant, word, id)
		SELECT {tenant}, n::text, 'job_' || lpad(n::text, 9, '0') FROM generate_series(1, $1::bigint) AS n
		WHERE n % 10 > 0`,
		`INSERT INTO conversations (id, tenant, external, held_out, created)
		SELECT 'conv_' || n, {tenant}, 'conv_' || n, n % 5 = 0, {at}
		FROM generate_series(0, $1::bigint / 5) AS n`,
		`INSERT INTO experiences (id, tenant, conversation, held_out, alias, origin, job, provider, model, prompt,
			answer, content, identity, dream, created)
		SELECT 'exp_' || lpad(n::text, 9, '0'), {talker}, 'conv_' || n / 5, n / 5 % 5 = 0, 'assistant', 'live',
			'job_' || lpad(n::text, 9, '0'), 'groq', 'openai/gpt-oss-20b', '[]', '{}', 'content ' || n, 'identity ' || n,
			CASE WHEN n % 100 > 0 THEN 'drm_' || n / 1000 END, {at}
		FROM generate_series(1, $1::bigint) AS n`,
		`INSERT INTO spending (tenant, day, purpose, key_id, provider, ends, committed)
		SELECT tenant, day, purpose, '', provider, FALSE, count(*) FROM entries
		WHERE $1::bigint > 0 GROUP BY tenant, day, purpose, provider`,
	} {
		if _, err := d.Exec(ctx, t.in(statement), int64(t.Rows)); err != nil {
			return err
		}
	}
	return nil
}
