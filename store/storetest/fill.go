package storetest

import (
	"context"
	"fmt"

	"dreamlab/store/db"
)

// largeRows is how many rows Fill gives the tables for a look at plans: with far
// fewer PostgreSQL rightly reads a whole table.
const largeRows = 100_000

// Fill fills jobs, their words, entries and experiences of a migrated PostgreSQL schema as
// months of traffic do: fifty tenants, of a hundred jobs one open, and children
// of dreams among them.
func Fill(ctx context.Context, d db.Driver, rows int) error {
	for _, statement := range []string{
		`INSERT INTO jobs (id, tenant, key_id, alias, kind, lane, state, input, result, parent, subject, run_at, due, lease_until,
			dispatched_at, expires_at, idem_key, created, finished)
		SELECT 'job_' || lpad(n::text, 9, '0'), 'ten_' || n % 50,
			'key_' || n % 500, CASE WHEN n % 10 > 0 THEN 'assistant' END,
			CASE WHEN n % 10 = 0 THEN 'dream.slice' ELSE 'chat.run' END,
			CASE WHEN n % 10 = 0 THEN 'dream' ELSE 'chat' END,
			CASE WHEN n % 100 = 7 THEN CASE n % 400 WHEN 7 THEN 'queued' WHEN 107 THEN 'dispatched'
				WHEN 207 THEN 'running' ELSE 'waiting' END
				WHEN n % 50 = 1 THEN 'failed' WHEN n % 50 = 2 THEN 'cancelled' ELSE 'succeeded' END,
			'{"messages": []}', '{"choices": []}',
			CASE WHEN n % 10 = 0 THEN 'job_' || lpad((n - n % 1000 + 1)::text, 9, '0') END,
			CASE WHEN n % 10 = 0 THEN 'drm_' || n / 1000 END,
			n, n % 400 = 7, CASE WHEN n % 400 = 207 THEN n END, CASE WHEN n % 400 = 107 THEN n END,
			CASE WHEN n % 3 = 0 THEN n END, CASE WHEN n % 3 = 0 THEN 'key ' || n END,
			n, CASE WHEN n % 100 = 7 THEN NULL ELSE n END
		FROM generate_series(1, $1::bigint) AS n`,
		`INSERT INTO entries (id, tenant, job, root, step, epoch, number, purpose, provider, model, state, reserved,
			day, created, lost)
		SELECT 'ent_' || lpad(n::text, 9, '0'), 'ten_' || n % 50, 'job_' || lpad(n::text, 9, '0'),
			'job_' || lpad((CASE WHEN n % 10 = 0 THEN n - n % 1000 + 1 ELSE n END)::text, 9, '0'), 'answer', 1, 1,
			CASE WHEN n % 500 = 0 THEN 'host' ELSE 'chat' END, 'groq', 'openai/gpt-oss-20b',
			CASE WHEN n % 1000 = 3 THEN 'unknown' WHEN n % 1000 = 4 THEN 'open' ELSE 'settled' END, 1, 0, n,
			CASE WHEN n % 1000 = 3 THEN n END
		FROM generate_series(1, $1::bigint) AS n`,
		`INSERT INTO words (tenant, word, id)
		SELECT 'ten_' || n % 50, n::text, 'job_' || lpad(n::text, 9, '0') FROM generate_series(1, $1::bigint) AS n
		WHERE n % 10 > 0`,
		`INSERT INTO conversations (id, tenant, external, held_out, created)
		SELECT 'conv_' || n, 'ten_' || n % 50, 'conv_' || n, n % 5 = 0, n
		FROM generate_series(0, $1::bigint / 5) AS n`,
		`INSERT INTO experiences (id, tenant, conversation, held_out, alias, origin, job, provider, model, prompt,
			answer, content, identity, dream, created)
		SELECT 'exp_' || lpad(n::text, 9, '0'), 'ten_' || n / 5 % 50, 'conv_' || n / 5, n / 5 % 5 = 0, 'assistant', 'live',
			'job_' || lpad(n::text, 9, '0'), 'groq', 'openai/gpt-oss-20b', '[]', '{}', 'content ' || n, 'identity ' || n,
			CASE WHEN n % 100 > 0 THEN 'drm_' || n / 1000 END, n
		FROM generate_series(1, $1::bigint) AS n`,
	} {
		if _, err := d.Exec(ctx, statement, int64(rows)); err != nil {
			return fmt.Errorf("fill the tables: %w", err)
		}
	}
	if _, err := d.Exec(ctx, "ANALYZE"); err != nil {
		return fmt.Errorf("analyze the tables: %w", err)
	}
	return nil
}
