package store

import (
	"context"
	"time"
)

// File is what a client uploaded; its bytes are in the bucket.
type File struct {
	ID       string
	Tenant   string
	Filename string
	Purpose  string
	Bytes    int64
	SHA256   string
	Object   string
	IdemKey  string
	Created  time.Time
}

// AddFile keeps a file's row. An Idempotency-Key that is older than a day may
// name another file.
func (q *Queries) AddFile(ctx context.Context, f File) (File, error) {
	_, err := q.exec(ctx, `UPDATE files SET idem_key = NULL
		WHERE tenant = $1 AND idem_key = $2 AND created <= {now} - 86400000000`, f.Tenant, f.IdemKey)
	if err != nil {
		return f, err
	}
	return read(ctx, q, scanFile, `INSERT INTO files (id, tenant, filename, purpose, bytes, sha256, object, idem_key,
		created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, {now}) RETURNING `+fileColumns,
		f.ID, f.Tenant, f.Filename, f.Purpose, f.Bytes, f.SHA256, f.Object, text(f.IdemKey))
}

const fileColumns = `id, tenant, filename, purpose, bytes, sha256, object, idem_key, created`

func scanFile(scan func(...any) error) (File, error) {
	var f File
	var idem *string
	var created *int64
	err := scan(&f.ID, &f.Tenant, &f.Filename, &f.Purpose, &f.Bytes, &f.SHA256, &f.Object, &idem, &created)
	f.IdemKey, f.Created = deref(idem), timeOf(created)
	return f, err
}

// File finds a tenant's file.
func (q *Queries) File(ctx context.Context, tenant, id string) (File, error) {
	return read(ctx, q, scanFile, `SELECT `+fileColumns+` FROM files WHERE tenant = $1 AND id = $2`, tenant, id)
}

// FileByKey finds the file that came with an Idempotency-Key in the last day.
func (q *Queries) FileByKey(ctx context.Context, tenant, key string) (File, error) {
	return read(ctx, q, scanFile, `SELECT `+fileColumns+` FROM files
		WHERE tenant = $1 AND idem_key = $2 AND created > {now} - 86400000000`, tenant, key)
}

// Files lists a tenant's files, of one purpose or of all ("").
func (q *Queries) Files(ctx context.Context, tenant, purpose string, p Page) ([]File, bool, error) {
	n := narrowed{`SELECT ` + fileColumns + ` FROM files WHERE tenant = $1`, []any{tenant}}
	n.by(`purpose = ?`, purpose)
	return list(ctx, q, p, scanFile, n.query, n.args...)
}

// DeleteFile forgets a file's row.
func (q *Queries) DeleteFile(ctx context.Context, tenant, id string) error {
	return q.must(ctx, ErrNotFound, `DELETE FROM files WHERE tenant = $1 AND id = $2`, tenant, id)
}
