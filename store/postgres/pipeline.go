package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"dreamlab/store/db"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	rollbackWait = 5 * time.Second
	// maxQueued bounds the statements that wait to be sent, and so the memory they take.
	maxQueued = 256
)

// tx is a transaction that saves round trips: BEGIN goes with the first
// statement whose answer is wanted, what is for later with the next of these, and
// COMMIT with what is left, unless something has to be looked at before it. Where
// nothing was wanted before the end there is neither: statements that are sent
// together are a transaction by themselves
// (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING).
type tx struct {
	conn  *pgx.Conn
	begun bool
	// opening is sent before the first statement: BEGIN, and what is set for this
	// transaction alone. Without BEGIN the statements of one batch are a
	// transaction by themselves.
	opening []string
	queue   []queued
}

// begin is what makes statements of several batches one transaction.
const begin = "BEGIN"

// queued is a statement that waits to be sent.
type queued struct {
	db.Statement
	touched *int64 // where to tell the number of rows; nil: nowhere
}

// Later queues a statement.
func (t *tx) Later(ctx context.Context, s db.Statement) error {
	if s.Missing != nil {
		s = wanting(s)
	}
	if t.queue = append(t.queue, queued{Statement: s}); len(t.queue) < maxQueued {
		return nil
	}
	return t.Flush(ctx)
}

// wanting has the server itself refuse the transaction where the statement
// touches too few rows, so that the commit can be sent with it.
func wanting(s db.Statement) db.Statement {
	query := s.Query
	if !s.Reads() {
		query += " RETURNING 1"
	}
	s.Query = fmt.Sprintf("WITH touched AS (%s) SELECT dreamlab_want(count(*), $%d) FROM touched", query, len(s.Args)+1)
	s.Args = append(slices.Clip(s.Args), s.Want)
	return s
}

// wants tells whether it was refused for that.
func wants(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "DL001"
}

// Exec runs a statement, and what was queued before it.
func (t *tx) Exec(ctx context.Context, query string, args ...any) (touched int64, err error) {
	t.queue = append(t.queue, queued{db.Statement{Query: query, Args: args}, &touched})
	return touched, t.Flush(ctx)
}

// Query runs a statement that answers rows, and what was queued before it.
func (t *tx) Query(ctx context.Context, query string, args ...any) (db.Rows, error) {
	batch := t.batch()
	batch.Queue(query, args...)
	results, err := t.send(ctx, batch)
	if err != nil {
		return nil, err
	}
	found, err := results.Query()
	if err != nil {
		return nil, closed(results, translate(err))
	}
	return lastRows{rows{found}, results}, nil
}

// lastRows are the rows of the last statement of a batch.
type lastRows struct {
	rows
	batch pgx.BatchResults
}

// Close ends the batch, too.
func (r lastRows) Close() error {
	return closed(r.batch, r.rows.Close())
}

// Copy streams rows into a table by COPY.
func (t *tx) Copy(
	ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error],
) (int64, error) {
	if err := t.Flush(ctx); err != nil {
		return 0, err
	}
	return copyRows(ctx, t.conn, table, columns, rows)
}

// Flush runs what was queued, and begins where nothing has been sent so far.
func (t *tx) Flush(ctx context.Context) error {
	if t.begun && len(t.queue) == 0 {
		return nil
	}
	results, err := t.send(ctx, t.batch())
	if err != nil {
		return err
	}
	return closed(results, nil)
}

// batch returns what is to be sent before the next statement.
func (t *tx) batch() *pgx.Batch {
	batch := &pgx.Batch{}
	if !t.begun {
		openAll(batch, t.opening)
	}
	return queueAll(batch, t.queue)
}

func openAll(batch *pgx.Batch, opening []string) {
	for _, statement := range opening {
		batch.Queue(statement)
	}
}

func queueAll(batch *pgx.Batch, queue []queued) *pgx.Batch {
	for _, s := range queue {
		batch.Queue(s.Query, s.Args...)
	}
	return batch
}

// send sends a batch and reads the answers to what it begins with: the opening
// and the queue. The caller reads what follows and closes the results.
func (t *tx) send(ctx context.Context, batch *pgx.Batch) (pgx.BatchResults, error) {
	opening, queue := t.opening, t.queue
	if t.begun {
		opening = nil
	}
	t.begun, t.queue = true, nil
	results := t.conn.SendBatch(ctx, batch)
	if err := opened(results, opening); err != nil {
		return nil, closed(results, err)
	}
	if err := answers(results, queue); err != nil {
		return nil, closed(results, err)
	}
	return results, nil
}

// opened reads the answers to the opening.
func opened(results pgx.BatchResults, opening []string) error {
	for range opening {
		if _, err := results.Exec(); err != nil {
			return fmt.Errorf("begin: %w", translate(err))
		}
	}
	return nil
}

func answers(results pgx.BatchResults, queue []queued) error {
	for _, s := range queue {
		if err := answer(results, s); err != nil {
			return err
		}
	}
	return nil
}

func answer(results pgx.BatchResults, s queued) error {
	if s.Each == nil {
		tag, err := results.Exec()
		if s.Missing != nil && wants(err) {
			return s.Missing
		}
		if s.touched != nil {
			*s.touched = tag.RowsAffected()
		}
		return translate(err)
	}
	found, err := results.Query()
	if err != nil {
		return translate(err)
	}
	return db.EachRow(rows{found}, s.Each)
}

// closed closes the results of a batch. What closing tells where something went
// wrong before is the same again.
func closed(results pgx.BatchResults, err error) error {
	closeErr := results.Close()
	if err == nil {
		err = translate(closeErr)
	}
	return err
}

// commit sends COMMIT together with what is queued behind the last statement
// that may still refuse.
func (t *tx) commit(ctx context.Context) error {
	refusable := t.refusable()
	if !t.begun && refusable == 0 {
		return t.commitAtOnce(ctx)
	}
	calm := t.queue[refusable:]
	t.queue = t.queue[:refusable]
	if len(t.queue) > 0 {
		if err := t.Flush(ctx); err != nil {
			return err
		}
	}
	t.queue = calm
	batch := t.batch()
	batch.Queue("COMMIT")
	results, err := t.send(ctx, batch)
	if err != nil {
		return err
	}
	tag, err := results.Exec()
	if err = closed(results, translate(err)); err == nil && tag.String() != "COMMIT" {
		err = errors.New("the server rolled it back")
	}
	return err
}

// commitAtOnce sends all there is. It is committed when that ends without error.
func (t *tx) commitAtOnce(ctx context.Context) error {
	if len(t.queue) == 0 {
		return nil
	}
	settings := slices.DeleteFunc(slices.Clone(t.opening), func(s string) bool { return s == begin })
	batch := &pgx.Batch{}
	openAll(batch, settings)
	results := t.conn.SendBatch(ctx, queueAll(batch, t.queue))
	if err := opened(results, settings); err != nil {
		return closed(results, err)
	}
	return closed(results, answers(results, t.queue))
}

// refusable returns how many of the queued statements there are up to the last
// one whose answer has to be looked at before the commit.
func (t *tx) refusable() int {
	for i := len(t.queue); i > 0; i-- {
		if s := t.queue[i-1]; s.Each != nil && !s.ScanCannotFail {
			return i
		}
	}
	return 0
}

// rollback must run although the caller's context has ended, or the connection
// would be thrown away. Where the connection is lost the server rolls back.
func (t *tx) rollback(ctx context.Context) error {
	if !t.begun || t.conn.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackWait)
	defer cancel()
	_, err := t.conn.Exec(ctx, "ROLLBACK")
	if err == nil || t.conn.IsClosed() {
		return nil
	}
	return fmt.Errorf("roll back: %w", translate(err))
}

// broken says of an error that its connection is gone; pgx tells that of the
// first statement alone.
func (t *tx) broken(err error) error {
	if err == nil || !t.conn.IsClosed() || errors.Is(err, db.ErrBusy) {
		return err
	}
	return fmt.Errorf("%w: its connection broke: %w", db.ErrBusy, err)
}
