package tune

import (
	"context"
	"errors"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// retried is a database that rolls each transaction back once before it commits,
// as one does that chose it as the victim of a deadlock.
type retried struct{ db.Driver }

var errVictim = errors.New("victim of a deadlock")

func (d retried) Tx(ctx context.Context, durability db.Durability, fn func(db.Conn) error) error {
	err := d.Driver.Tx(ctx, durability, func(conn db.Conn) error {
		if err := fn(conn); err != nil {
			return err
		}
		return errVictim
	})
	if !errors.Is(err, errVictim) {
		return err
	}
	return d.Driver.Tx(ctx, durability, fn)
}

// Each closure of a transaction may run more than once: the books hold one line
// for one training all the same.
func TestRetriedTransactionsKeepTheBooks(t *testing.T) {
	t.Parallel()
	b := newBenchOn(t, store.Open(retried{storetest.SQLite(t).Driver()}), Settings{MinExamples: 20})
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	tune, decision := b.decided(id)
	if !decision.Promoted {
		t.Errorf("decision %+v", decision)
	}
	b.wantTrainedOnce(tune)
	b.wantBooksClosed()
	b.wantAnsweredOnce()
}
