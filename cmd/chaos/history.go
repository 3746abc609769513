package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// The rows of the history, as the database holds them. Times are unix microseconds of the
// shared clock.
type (
	jobRow struct {
		ID, Tenant, Kind, Lane, State string
		Parent, Subject, Input        string
		Result                        bool   // there is one
		SliceResult                   string // of a dream's slice
		Crashes, Epoch                int64
		CancelAt                      int64 // 0: never asked
		IdemKey, Trace                string
		Created, Finished             int64 // 0: not yet
	}
	attemptRow struct {
		Job            string
		Epoch          int64
		Worker         string
		Started, Ended int64
		Outcome, Code  string
	}
	entryRow struct {
		ID, Job, Step   string
		Epoch           int64
		Provider, Model string
		Purpose         string
		State, Cause    string
		Settled         int64 // nano-dollars
		Estimated       bool  // the vendor gave no usage
		Created         int64
	}
	effectRow struct {
		Job, Step string
		Epoch     int64
		Entry     string
		Created   int64
	}
	experienceRow struct {
		ID, Job, Dream string
		Answer         string // the answer's message, JSON
	}
	trainingRow struct{ ID, Job, Status, VendorID, Provider, Suffix string }
	tuneRow     struct{ Base, Decision, Reason string } // how it ended
	batchRow    struct {
		ID, Job, Status          string
		File                     string // "" where a dream asks
		Output, Errors           string // files of the answers and of what failed
		Total, Completed, Failed int
	}
	move struct{ at, by int64 } // of the shared clock
)

// history is everything that a run left behind, with the vendors' own counts.
type history struct {
	jobs        map[string]jobRow
	attempts    map[string][]attemptRow
	entries     map[string][]entryRow
	effects     map[string][]effectRow
	experiences []experienceRow
	trainings   []trainingRow
	tunes       []tuneRow
	batches     []batchRow
	results     map[string][]string // custom ids of a file of answers or of failures
	moves       []move

	paid      []payment // the vendors' books
	visits    []visit   // and their log
	trained   []made
	endpoints []made // all that were served at any time
	served    []served
}

func newHistory() *history {
	return &history{jobs: map[string]jobRow{}, attempts: map[string][]attemptRow{},
		entries: map[string][]entryRow{}, effects: map[string][]effectRow{}, results: map[string][]string{}}
}

// readHistory reads the database with a client of its own, not with the store under test, and
// the vendors' logs.
func (l *lab) readHistory(ctx context.Context) (*history, error) {
	conn, err := pgx.Connect(ctx, l.postgres.url)
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	h := newHistory()
	h.moves = l.moves
	err = errors.Join(h.read(ctx, conn), conn.Close(ctx), h.ask(ctx, l))
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	return h, nil
}

func (h *history) ask(ctx context.Context, l *lab) error {
	var paid, trained, serving error
	h.visits, h.endpoints = l.witness.visits(), l.witness.endpoints()
	h.paid, paid = l.payments(ctx)
	h.trained, trained = l.trainings(ctx)
	h.served, serving = l.served(ctx)
	return errors.Join(paid, trained, serving, h.readResults(l.path("bucket")))
}

func (h *history) read(ctx context.Context, conn *pgx.Conn) error {
	return errors.Join(
		each(ctx, conn, `SELECT id, tenant, kind, lane, state, coalesce(parent, ''), coalesce(subject, ''), input,
			result IS NOT NULL, CASE WHEN kind = 'dream.slice' THEN coalesce(result, '') ELSE '' END,
			crashes, epoch, coalesce(cancel_at, 0), coalesce(idem_key, ''), coalesce(trace, ''),
			created, coalesce(finished, 0) FROM jobs`,
			func(j jobRow) { h.jobs[j.ID] = j }),
		each(ctx, conn, `SELECT job, epoch, worker, started, ended, outcome, coalesce(code, '') FROM attempts_all
			ORDER BY epoch`,
			func(a attemptRow) { h.attempts[a.Job] = append(h.attempts[a.Job], a) }),
		each(ctx, conn, `SELECT id, coalesce(job, ''), step, epoch, provider, model, purpose, state,
			coalesce(cause, ''), settled, estimated, created FROM entries ORDER BY id`,
			func(e entryRow) { h.entries[e.Job] = append(h.entries[e.Job], e) }),
		each(ctx, conn, `SELECT job, step, epoch, coalesce(entry, ''), created FROM effects`,
			func(e effectRow) { h.effects[e.Job] = append(h.effects[e.Job], e) }),
		each(ctx, conn, `SELECT id, coalesce(job, ''), coalesce(dream, ''), answer FROM experiences`,
			func(e experienceRow) { h.experiences = append(h.experiences, e) }),
		each(ctx, conn, `SELECT id, job, status, coalesce(vendor_id, ''), provider, suffix FROM trainings`,
			func(t trainingRow) { h.trainings = append(h.trainings, t) }),
		each(ctx, conn, `SELECT base, CASE WHEN decision::json->>'promoted' = 'true' THEN 'promoted' ELSE 'not promoted' END,
			coalesce(decision::json->>'reason', '') FROM tunes`,
			func(t tuneRow) { h.tunes = append(h.tunes, t) }),
		each(ctx, conn, `SELECT id, job, status, coalesce(file, ''), coalesce(output, ''), coalesce(errors, ''),
			total, completed, failed FROM batches`,
			func(b batchRow) { h.batches = append(h.batches, b) }),
	)
}

func each[T any](ctx context.Context, conn *pgx.Conn, query string, take func(T)) error {
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	for _, row := range all {
		take(row)
	}
	return err
}

// span is the time between two instants without the moves of the clock, in microseconds.
func (h *history) span(from, to int64) int64 {
	d := to - from
	for _, m := range h.moves {
		if from < m.at+m.by && to >= m.at+m.by {
			d -= m.by
		}
	}
	return d
}

// outcomeAt returns how an attempt ended, "" if it did not.
func (h *history) outcomeAt(job string, epoch int64) string {
	for _, a := range h.attempts[job] {
		if a.Epoch == epoch {
			return a.Outcome
		}
	}
	return ""
}

// tell lists what is known of a job, for finding the fault.
func (h *history) tell(job string) []string {
	lines := []string{fmt.Sprintf("job     %+v", h.jobs[job])}
	for _, a := range h.attempts[job] {
		lines = append(lines, fmt.Sprintf("attempt %+v", a))
	}
	for _, e := range h.entries[job] {
		lines = append(lines, fmt.Sprintf("entry   %+v", e))
	}
	for _, e := range h.effects[job] {
		lines = append(lines, fmt.Sprintf("effect  %+v", e))
	}
	return lines
}
