package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/sqlite"
	"dreamlab/store/storetest"
)

// A job is accepted, claimed under a lease and finished, on SQLite in a temporary
// folder. Package engine does this for the program, with a queue in between.
func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	driver, err := sqlite.Open(ctx, filepath.Join(folder, "store.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	s := store.Open(driver)
	defer s.Close()
	if err := driver.Migrate(ctx, -1); err != nil { // to the newest schema
		fmt.Println(err)
		return
	}
	if err := lifeOfAJob(ctx, s); err != nil {
		fmt.Println(err)
	}
	// Output:
	// dispatched
	// running, epoch 1
	// succeeded {"text":"Good morning."}
}

func lifeOfAJob(ctx context.Context, s *store.Store) error {
	tenant, err := s.EnsureTenant(ctx, "acme")
	if err != nil {
		return err
	}
	asked := job.NewJob{Tenant: tenant.ID, Kind: "chat.run", Lane: "chat", Input: json.RawMessage(`{}`)}
	limits := map[string]job.Limits{"chat": {Window: 8, TenantCap: 8}}
	var accepted []job.Accepted
	err = s.Tx(ctx, db.Synced, func(q *store.Queries) (err error) {
		accepted, err = q.AcceptJobs(ctx, []job.NewJob{asked}, limits)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Println(accepted[0].Job.State)

	wake := []job.Ref{{ID: accepted[0].Job.ID, Gen: accepted[0].Job.Gen}}
	claimed, err := s.ClaimJobs(ctx, wake, "worker 1", time.Minute)
	if err != nil {
		return err
	}
	fmt.Printf("%s, epoch %d\n", claimed[0].State, claimed[0].Epoch)

	end := job.Finish{Job: claimed[0].ID, Epoch: claimed[0].Epoch, Worker: "worker 1", Lane: "chat",
		To: job.StateSucceeded, Outcome: "succeeded", Result: json.RawMessage(`{"text":"Good morning."}`)}
	err = s.Tx(ctx, db.Synced, func(q *store.Queries) error {
		_, err := storetest.FinishJob(ctx, q, end)
		return err
	})
	if err != nil {
		return err
	}
	ended, err := s.Job(ctx, tenant.ID, claimed[0].ID)
	if err != nil {
		return err
	}
	fmt.Println(ended.State, string(ended.Result))
	return nil
}
