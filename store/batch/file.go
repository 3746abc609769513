package batch

import (
	"context"
	"encoding/json"
	"time"

	"dreamlab/store/db"
)

// Files are what a vendor keeps of an order whose answers are stored: they are to be deleted there.
type Files struct {
	Name     string // of the order
	Root     string // the job of the dream that asked; "" where a client did
	Provider string
	Handle   json.RawMessage // the vendor's
	Tries    int             // in vain
	Created  time.Time       // when the order was over. Read only.
}

// AddFiles notes what is to be deleted. What is noted already stays as it is.
func (q *Queries) AddFiles(ctx context.Context, f Files) error {
	_, err := q.Exec(ctx, `INSERT INTO batch_files (name, root, provider, handle, due, created)
		VALUES ($1, $2, $3, $4, {now}, {now}) ON CONFLICT DO NOTHING`, f.Name, db.Text(f.Root), f.Provider, string(f.Handle))
	return err
}

// DueFiles returns what is to be deleted now, at most limit.
func (q *Queries) DueFiles(ctx context.Context, limit int) ([]Files, error) {
	var due []Files
	scan := func(scan func(...any) error) (f Files, err error) {
		var handle string
		var root *string
		var created *int64
		err = scan(&f.Name, &root, &f.Provider, &handle, &f.Tries, &created)
		f.Root, f.Handle, f.Created = db.Deref(root), json.RawMessage(handle), db.TimeOf(created)
		return f, err
	}
	keep := func(f Files) error {
		due = append(due, f)
		return nil
	}
	return due, db.Stream(ctx, q.Tx, scan, keep, `SELECT name, root, provider, handle, tries, created FROM batch_files
		WHERE due <= {now} ORDER BY due LIMIT $1`, int64(limit))
}

// RetryFiles lets files wait that could not be deleted.
func (q *Queries) RetryFiles(ctx context.Context, name string, wait time.Duration) error {
	_, err := q.Exec(ctx, `UPDATE batch_files SET tries = tries + 1, due = {now} + $2 WHERE name = $1`, name, wait.Microseconds())
	return err
}

// DropFiles forgets files that are deleted.
func (q *Queries) DropFiles(ctx context.Context, name string) error {
	_, err := q.Exec(ctx, `DELETE FROM batch_files WHERE name = $1`, name)
	return err
}
