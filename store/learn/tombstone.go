package learn

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"dreamlab/store/db"
)

// A tombstone is the hash of what was forgotten: of the client's id of a conversation, or of
// what was said. What has one is not stored again. A hash tells nobody what it stands for.

// buried tells whether x.tenant has a tombstone of x.content or x.named.
const buried = `EXISTS (SELECT 1 FROM tombstones z WHERE z.tenant = x.tenant AND z.sum IN (x.content, x.named))`

// nameSum is the hash of a conversation's id as the client calls it, "" for none.
func nameSum(external string) string {
	if external == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("conversation\n" + external))
	return hex.EncodeToString(sum[:])
}

// bury leaves the tombstones of a conversation that is about to be deleted.
func (q *ExperienceQueries) bury(ctx context.Context, tenant, conversation string) error {
	name := conversation
	err := q.One(ctx, `SELECT external FROM conversations WHERE tenant = $1 AND id = $2`,
		[]any{tenant, conversation}, &name)
	if err != nil && !errors.Is(err, db.ErrNotFound) { // it has no row where no answer was kept
		return err
	}
	if _, err := q.Exec(ctx, `INSERT INTO tombstones (tenant, sum, created) VALUES ($1, $2, {now})
		ON CONFLICT (tenant, sum) DO NOTHING`, tenant, nameSum(name)); err != nil {
		return err
	}
	_, err = q.Exec(ctx, `INSERT INTO tombstones (tenant, sum, created)
		SELECT DISTINCT tenant, content, {now} FROM experiences WHERE tenant = $1 AND conversation = $2
		ON CONFLICT (tenant, sum) DO NOTHING`, tenant, conversation)
	return err
}

// unburied leaves out the rows that have a tombstone.
func (q *ExperienceQueries) unburied(ctx context.Context, rows []arrival) ([]arrival, error) {
	type sought struct {
		At      int    `json:"at"`
		Tenant  string `json:"tenant"`
		Content string `json:"content"`
		Named   string `json:"named"`
	}
	list := make([]sought, len(rows))
	for i, r := range rows {
		list[i] = sought{r.at, r.Tenant, r.Content, nameSum(r.External)}
	}
	gone := map[int]bool{}
	err := q.Each(ctx, `SELECT x.at FROM {rows $1: at bigint, tenant text, content text, named text} WHERE `+buried,
		[]any{db.Encode(list)}, func(r db.Rows) error {
			var at int64
			err := r.Scan(&at)
			gone[int(at)] = true
			return err
		})
	return slices.DeleteFunc(rows, func(r arrival) bool { return gone[r.at] }), err
}
