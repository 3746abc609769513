package main

import (
	"bytes"
	"context"
	_ "embed" // the sample
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/client"
	"dreamlab/cmd/internal/config"
	"dreamlab/store"
)

// sample holds conversations of a bicycle subscription's customer service.
//
//go:embed sample/conversations.jsonl
var sample []byte

// demoPatience bounds the whole demonstration.
const demoPatience = 15 * time.Minute

// demoQuestion is asked before and after. The sample has it in other words.
const demoQuestion = "My rear tyre is flat, who can repair it?"

// demo is one run of the whole loop.
type demo struct {
	demoVerb
	sh     shell
	tell   io.Writer // progress
	began  time.Time
	client *client.Client
}

// demoVerb shows the whole loop.
type demoVerb struct {
	printing
	Poison bool `help:"let the vendor spoil the training: the gate must refuse"`
}

// Run runs one demonstration.
func (v *demoVerb) Run(ctx context.Context, sh shell) error {
	d := &demo{demoVerb: *v, sh: sh, tell: sh.out, began: time.Now()}
	if d.asJSON() {
		d.tell = sh.errs
	}
	return d.run(ctx)
}

// run starts an embedded stack in a directory of its own and goes through the
// loop over its public API. It reads neither environment nor file.
func (d *demo) run(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	dir, err := os.MkdirTemp("", "dreamlab-demo-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := config.Default()
	c.Data, c.Addr = dir, "127.0.0.1:0"
	stack, err := boot.Open(ctx, c, boot.StackOptions{Log: newLog(d.sh.log, "error"), Migrate: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Close()) }()
	mine := store.Key{Name: "demo", Scopes: []string{store.ScopeUse}}
	_, key, err := boot.NewKey(ctx, stack.Store, boot.FirstTenant, mine)
	if err != nil {
		return err
	}
	front, processes, err := stack.Whole(ctx)
	if err != nil {
		return err
	}
	d.client = client.New(front.URL, key)
	defer d.client.Close()
	loop := func(own context.Context) error { return d.loop(own, stack.Sandbox.URL) }
	return boot.Until(ctx, stack.Log, boot.Process{Name: "demo", Run: loop}, processes...)
}

// loop runs the steps of the demonstration.
func (d *demo) loop(ctx context.Context, sandbox string) error {
	r := &report{Poisoned: d.Poison}
	if d.Poison {
		if err := poison(ctx, sandbox); err != nil {
			return err
		}
		d.say("the vendor will spoil every row of the training file")
	}
	for _, stage := range []func(context.Context, *report) error{
		d.importSample, d.chatBefore, d.dream, d.tune, d.chatAfter, d.count,
	} {
		if err := stage(ctx, r); err != nil {
			return err
		}
	}
	return d.conclude(r)
}

func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.tell, "%5.1fs  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}

// poison writes the fault into the sandbox's script. The product has no code
// for it.
func poison(ctx context.Context, sandbox string) error {
	fault := strings.NewReader(`{"vendor":"*","fault":"corrupt_training","share":1}`)
	ask, err := http.NewRequestWithContext(ctx, http.MethodPost, sandbox+"/_sandbox/faults", fault)
	if err != nil {
		return fmt.Errorf("poison: %w", err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := (&http.Client{Transport: transport}).Do(ask)
	if err != nil {
		return fmt.Errorf("poison: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("poison: the sandbox answers %s", answer.Status)
	}
	return errors.Join(err, answer.Body.Close())
}

func (d *demo) importSample(ctx context.Context, r *report) error {
	job, err := d.client.Import(ctx, bytes.NewReader(sample))
	if err != nil {
		return err
	}
	if job, err = d.client.WatchJob(ctx, job.ID, func(client.Job) {}); err != nil {
		return err
	}
	if err := unsuccessful(job.ID, job.Status, job.Error); err != nil {
		return err
	}
	result, err := job.Imported()
	r.Imported = result.Accepted
	d.say("imported %d conversations, %d of them known already, %d rejected",
		result.Accepted+result.Duplicates, result.Duplicates, len(result.Rejected))
	return err
}

// question is the chat that is asked before and after. It is not stored, so that only the
// sample is learned from.
func question() client.ChatRequest {
	return client.ChatRequest{
		Model: "assistant", Messages: []client.Message{{Role: "user", Content: demoQuestion}}, Store: new(false),
	}
}

func (d *demo) chatBefore(ctx context.Context, r *report) error {
	answer, err := d.client.Chat(ctx, question())
	if err != nil {
		return err
	}
	pieces := 0
	streamed, err := d.client.Stream(ctx, question(), func(string) { pieces++ })
	if err != nil {
		return err
	}
	if streamed.Text != answer.Text || pieces < 2 {
		return fmt.Errorf("the streamed answer came in %d pieces and is not the whole one", pieces)
	}
	r.Before = answer
	d.say("asked: %s", demoQuestion)
	d.say("%s%s answered: %s", answer.Served.Model, sandboxed(answer.Served.Sandbox), answer.Text)
	return nil
}

func (d *demo) dream(ctx context.Context, r *report) error {
	started, err := d.client.Dream(ctx, client.DreamRequest{})
	if err != nil {
		return err
	}
	last := ""
	r.Dream, err = d.client.WatchDream(ctx, started.ID, func(seen client.Dream) {
		now := fmt.Sprintf("dream, %s: %d replayed, %d judged, %d verified", seen.Stage,
			seen.Counts.Replayed, seen.Counts.Judged, seen.Counts.Verified)
		if now != last {
			d.say("%s", now)
		}
		last = now
	})
	if err != nil {
		return err
	}
	return unsuccessful("the dream", r.Dream.Status, r.Dream.Error)
}

func (d *demo) tune(ctx context.Context, r *report) error {
	started, err := d.client.Tune(ctx, client.TuneRequest{})
	if err != nil {
		return err
	}
	last := ""
	r.Tune, err = d.client.WatchTune(ctx, started.ID, func(seen client.Tune) {
		if seen.Stage != last {
			d.say("tune, %s", seen.Stage)
		}
		last = seen.Stage
	})
	if err != nil {
		return err
	}
	if err := unsuccessful("the tune", r.Tune.Status, r.Tune.Error); err != nil {
		return err
	}
	if r.Tune.Decision == nil || r.Tune.Evaluation == "" || r.Tune.Dataset == "" {
		return fmt.Errorf("the tune ended without an evaluation: %s", reasonOf(r.Tune))
	}
	if r.Evaluation, err = d.client.Evaluation(ctx, r.Tune.Evaluation); err != nil {
		return err
	}
	r.Dataset, err = d.client.Dataset(ctx, r.Tune.Dataset)
	return err
}

func reasonOf(t client.Tune) string {
	if t.Decision == nil {
		return "it gives no reason"
	}
	return t.Decision.Reason
}

func (d *demo) chatAfter(ctx context.Context, r *report) (err error) {
	if r.After, err = d.client.Chat(ctx, question()); err != nil {
		return err
	}
	d.say("asked again: %s", demoQuestion)
	d.say("%s%s answered: %s", r.After.Served.Model, sandboxed(r.After.Served.Sandbox), r.After.Text)
	return nil
}

func (d *demo) count(ctx context.Context, r *report) error {
	usage, err := d.client.Usage(ctx, "purpose")
	r.CostUSD = usage.Total.Settled
	return err
}

func (d *demo) conclude(r *report) error {
	r.Seconds = json.Number(fmt.Sprintf("%.1f", time.Since(d.began).Seconds()))
	if err := r.fill(); err != nil {
		return err
	}
	if d.asJSON() {
		if err := json.NewEncoder(d.sh.out).Encode(r); err != nil {
			return err
		}
	} else if err := r.write(d.sh.out); err != nil {
		return err
	}
	return r.verdict()
}
