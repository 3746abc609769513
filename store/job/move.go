package job

import (
	"context"
	"slices"
	"strings"

	"dreamlab/store/db"
)

// Moved says that a job moved to a state, and in which lane. Its listeners look for free
// capacity, for due work, or for the end that a client waits for.
type Moved struct {
	ID    string
	Lane  string
	State State
}

// move describes a statement that changes a job's state: every change of state has this form.
// It touches only rows whose state may be followed by To according to CanMove.
type move struct {
	To State
	// Pauses says that a queued job's run_at is yet to come.
	Pauses bool
	Set    string // further columns, each with a comma in front
	From   string // a row source to join, or ""
	Where  string
	// Returning lists the columns to return, or is "".
	Returning string
}

func (m move) sql() string {
	var out strings.Builder
	out.WriteString("UPDATE jobs SET state = '" + string(m.To) + "', phase = '" + phase(m.To, m.Pauses) + "'" + m.Set)
	if m.From != "" {
		out.WriteString(" FROM " + m.From)
	}
	from := " AND jobs.state IN (" + quoted(sources(m.To)) + ")"
	if m.From != "" {
		from = " AND " + StateIn(sources(m.To)...)
	}
	out.WriteString(" WHERE " + m.Where + from)
	if m.Returning != "" {
		out.WriteString(" RETURNING " + m.Returning)
	}
	return out.String()
}

// phase is the value of the column that stands for the state in the indexes.
func phase(state State, pauses bool) string {
	switch {
	case state == StateQueued && !pauses:
		return "ready"
	case state == StateQueued, state == StateWaiting:
		return "later"
	case state == StateDispatched, state == StateRunning:
		return "flight"
	}
	return string(state)
}

// sources are the states that may precede a state.
func sources(to State) []State {
	var from []State
	for state := range moves {
		if CanMove(state, to) {
			from = append(from, state)
		}
	}
	slices.Sort(from)
	return from
}

// StateIn is a condition on the state of rows that are selected by id. It lists the
// states that are excluded: with old statistics PostgreSQL may believe that a state
// is rare which ten thousand rows have, and would scan all of them for each id.
func StateIn(states ...State) string {
	others := []State{StateSucceeded}
	for state := range moves {
		others = append(others, state)
	}
	others = slices.DeleteFunc(others, func(s State) bool { return slices.Contains(states, s) })
	slices.Sort(others)
	return "jobs.state NOT IN (" + quoted(others) + ")"
}

func quoted(states []State) string {
	words := make([]string, len(states))
	for i, state := range states {
		words[i] = "'" + string(state) + "'"
	}
	return strings.Join(words, ", ")
}

// moveJob makes a move that must find its row, and fails with missing otherwise.
func (q *Queries) moveJob(ctx context.Context, m move, missing error, args ...any) error {
	return q.Must(ctx, missing, m.sql(), args...)
}

// delivered are the columns that belong to one delivery. cleared are those and the columns of
// the attempt; they are kept where the attempt succeeded, because the job's own row then
// records it.
const (
	delivered = `, wake = NULL, dispatched_at = NULL, lease_until = NULL`
	cleared   = delivered + `, lease_owner = NULL, claimed_at = NULL`
)

// requeued sets the columns of a job that is due at once under a new generation.
const requeued = `, gen = gen + 1, run_at = {now}` + cleared

// stub holds the columns that are needed to end a job or to release it.
type stub struct {
	Moved
	Tenant  string
	Parent  string
	Subject string
	Epoch   int64
	Cancel  bool // its cancellation was requested
	Webhook bool // its end is delivered to a webhook
	Private bool // its input and answer are not to be kept
}

const stubColumns = `id, lane, state, tenant, coalesce(parent, ''), coalesce(subject, ''),
	epoch, cancel_at IS NOT NULL, webhook_url IS NOT NULL, NOT keep`

func scanStub(rows db.Rows) (stub, error) {
	var s stub
	var state string
	err := rows.Scan(&s.ID, &s.Lane, &state, &s.Tenant, &s.Parent, &s.Subject, &s.Epoch, &s.Cancel, &s.Webhook, &s.Private)
	s.State = State(state)
	return s, err
}

func (q *Queries) stubs(ctx context.Context, query string, args ...any) ([]stub, error) {
	var found []stub
	err := q.Each(ctx, query, args, func(rows db.Rows) error {
		s, err := scanStub(rows)
		found = append(found, s)
		return err
	})
	return found, err
}

// lockFamily locks a job's parent, then the job, and reads it: every transaction
// that ends jobs takes these locks in this order.
func (q *Queries) lockFamily(ctx context.Context, id string) (stub, error) {
	var parent string
	err := q.One(ctx, `SELECT coalesce(parent, '') FROM jobs WHERE id = $1`, []any{id}, &parent)
	if err != nil {
		return stub{}, err
	}
	if err := q.lockJob(ctx, parent); err != nil {
		return stub{}, err
	}
	found, err := q.stubs(ctx, `SELECT `+stubColumns+` FROM jobs WHERE id = $1 {lock}`, id)
	if err != nil {
		return stub{}, err
	}
	if len(found) == 0 {
		return stub{}, db.ErrNotFound
	}
	return found[0], nil
}

// lockJob locks a row. It does nothing where there is no id or no such row.
func (q *Queries) lockJob(ctx context.Context, id string) error {
	if id == "" || q.Dialect() == db.SQLite { // SQLite has one writer
		return nil
	}
	return q.Later(ctx, `SELECT id FROM jobs WHERE id = $1 {lock}`, id)
}

// end moves a job that no worker runs to a final state, and updates what depends on it.
func (q *Queries) end(ctx context.Context, s stub, to State, why *Error) ([]Moved, error) {
	code, message := errorTexts(why)
	err := q.moveJob(ctx, move{
		To:    to,
		Set:   `, finished = {now}, error_code = $2, error_message = $3` + cleared,
		Where: `id = $1`,
	}, db.ErrConflict, s.ID, code, message)
	if err != nil {
		return nil, err
	}
	return q.settle(ctx, s, to)
}

// settle updates what depends on a job's end: its subject is closed, its parent counts
// one child less, its webhook gets a delivery, and the open children of a job that did
// not succeed are cancelled.
func (q *Queries) settle(ctx context.Context, s stub, to State) ([]Moved, error) {
	moved := []Moved{{ID: s.ID, Lane: s.Lane, State: to}}
	if err := q.nouns.ended(ctx, q.Tx, s, to); err != nil {
		return nil, err
	}
	due, err := q.childEnded(ctx, s.Parent)
	if err != nil {
		return nil, err
	}
	moved = append(moved, due...)
	told, err := addDelivery(ctx, q, s, to)
	if err != nil {
		return nil, err
	}
	moved = append(moved, told...)
	if to == StateSucceeded {
		return moved, nil
	}
	if s.Private { // there is no answer to be delivered
		if err := q.ClearJob(ctx, s.ID); err != nil {
			return nil, err
		}
	}
	orphans, err := q.cancelChildren(ctx, s.ID)
	return append(moved, orphans...), err
}

// childEnded counts one open child less for the parent; the last one makes a waiting
// parent due.
func (q *Queries) childEnded(ctx context.Context, parent string) ([]Moved, error) {
	if parent == "" {
		return nil, nil
	}
	_, err := q.Exec(ctx, `UPDATE jobs SET open_children = open_children - 1
		WHERE id = $1 AND open_children > 0`, parent)
	if err != nil {
		return nil, err
	}
	return moveAll(ctx, q.Tx, move{
		To: StateQueued, Set: requeued,
		Where:     `id = $1 AND open_children = 0 AND state = 'waiting'`,
		Returning: `id, lane`,
	}, parent)
}

// moveAll makes a move that returns id and lane, and returns the rows that it changed.
func moveAll(ctx context.Context, q *db.Tx, m move, args ...any) ([]Moved, error) {
	var all []Moved
	err := q.Each(ctx, m.sql(), args, func(rows db.Rows) error {
		one := Moved{State: m.To}
		err := rows.Scan(&one.ID, &one.Lane)
		all = append(all, one)
		return err
	})
	return all, err
}
