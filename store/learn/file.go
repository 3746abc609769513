package learn

import (
	"context"
	"time"

	"dreamlab/store/db"
)

// File is a file that a client uploaded. Its bytes are in the bucket.
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

// AddFile stores a file's row. An Idempotency-Key that is older than a day may be used for
// another file.
func (q *TuneQueries) AddFile(ctx context.Context, f File) (File, error) {
	_, err := q.Exec(ctx, `UPDATE files SET idem_key = NULL
		WHERE tenant = $1 AND idem_key = $2 AND created <= {now} - 86400000000`, f.Tenant, f.IdemKey)
	if err != nil {
		return f, err
	}
	return db.Read(ctx, q.Tx, scanFile, `INSERT INTO files (id, tenant, filename, purpose, bytes, sha256, object, idem_key,
		created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, {now}) RETURNING `+fileColumns,
		f.ID, f.Tenant, f.Filename, f.Purpose, f.Bytes, f.SHA256, f.Object, db.Text(f.IdemKey))
}

const fileColumns = `id, tenant, filename, purpose, bytes, sha256, object, idem_key, created`

func scanFile(scan func(...any) error) (File, error) {
	var f File
	var idem *string
	var created *int64
	err := scan(&f.ID, &f.Tenant, &f.Filename, &f.Purpose, &f.Bytes, &f.SHA256, &f.Object, &idem, &created)
	f.IdemKey, f.Created = db.Deref(idem), db.TimeOf(created)
	return f, err
}

// File finds a tenant's file.
func (q *TuneQueries) File(ctx context.Context, tenant, id string) (File, error) {
	return db.Read(ctx, q.Tx, scanFile, `SELECT `+fileColumns+` FROM files WHERE tenant = $1 AND id = $2`, tenant, id)
}

// FileByKey finds the file that came with an Idempotency-Key in the last day.
func (q *TuneQueries) FileByKey(ctx context.Context, tenant, key string) (File, error) {
	return db.Read(ctx, q.Tx, scanFile, `SELECT `+fileColumns+` FROM files
		WHERE tenant = $1 AND idem_key = $2 AND created > {now} - 86400000000`, tenant, key)
}

// Files lists a tenant's files.
func (q *TuneQueries) Files(ctx context.Context, tenant string, f db.Filter, p db.Page) ([]File, bool, error) {
	n := db.Select(`SELECT `+fileColumns+` FROM files WHERE tenant = $1`, tenant)
	n.By(`purpose = ?`, f.Purpose)
	n.Mentions(f.Text, `id`, `filename`)
	return db.List(ctx, q.Tx, p, scanFile, n.Query, n.Args...)
}

// DeleteFile deletes a file's row.
func (q *TuneQueries) DeleteFile(ctx context.Context, tenant, id string) error {
	return q.Must(ctx, db.ErrNotFound, `DELETE FROM files WHERE tenant = $1 AND id = $2`, tenant, id)
}

// FilesKnown returns which of the ids have a row, of any tenant.
func (q *TuneQueries) FilesKnown(ctx context.Context, ids []string) (map[string]bool, error) {
	var known []string
	err := q.Words(ctx, &known, `SELECT id FROM files WHERE id IN ({list $1})`, encodeList(ids))
	return setOf(known), err
}
