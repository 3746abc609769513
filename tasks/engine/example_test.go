package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"dreamlab/store"
	"dreamlab/store/job"
	"dreamlab/store/redis"
	"dreamlab/store/sqlite"
	"dreamlab/tasks"
	"dreamlab/tasks/engine"
)

// A job of the kind chat.run is accepted, done by a handler and read when it has
// ended. A handler decodes the job's input and returns how the attempt ended.
func ExampleEngine_Accept() {
	err := inFolder(func(ctx context.Context, s *store.Store, queue *redis.Queue) error {
		e, err := engine.New(engine.Options{Store: s, Redis: queue.Client})
		if err != nil {
			return err
		}
		shout := func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
			var in struct{ Text string }
			if err := run.Decode(&in); err != nil {
				return nil, err
			}
			return &tasks.End{Result: json.RawMessage(fmt.Sprintf(`{"text":%q}`, in.Text+"!"))}, nil
		}
		worker, err := e.Worker(engine.WorkerOptions{
			Lanes: []tasks.Lane{tasks.Chat}, Handlers: map[tasks.Kind]tasks.Handler{tasks.ChatRun: shout},
		})
		if err != nil {
			return err
		}
		working, stop := context.WithCancel(ctx)
		defer stop()
		stopped := make(chan error, 1)
		go func() { stopped <- worker.Run(working) }()

		tenant, err := s.EnsureTenant(ctx, "acme")
		if err != nil {
			return err
		}
		accepted, _, err := e.Accept(ctx, job.NewJob{
			Tenant: tenant.ID, Kind: string(tasks.ChatRun), Input: json.RawMessage(`{"text":"Good morning"}`),
		}, nil)
		if err != nil {
			return err
		}
		ended, err := e.Wait(ctx, tenant.ID, accepted.ID, time.Minute)
		if err != nil {
			return err
		}
		fmt.Println(ended.State, string(ended.Result))
		stop()
		return <-stopped
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: succeeded {"text":"Good morning!"}
}

// inFolder opens a store in a temporary folder and a queue in the process.
func inFolder(do func(context.Context, *store.Store, *redis.Queue) error) error {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	driver, err := sqlite.Open(ctx, filepath.Join(folder, "store.db"))
	if err != nil {
		return err
	}
	defer driver.Close()
	if err := driver.Migrate(ctx, -1); err != nil {
		return err
	}
	queue, err := redis.Open("")
	if err != nil {
		return err
	}
	defer queue.Close()
	return do(ctx, store.Open(driver), queue)
}
