package databricks

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/store/plainjson"
)

// The bounds of a training.
const (
	maxEpochs   = 50
	maxRank     = 64
	maxSequence = 4096 // tokens of one row
)

// How long a run may take: what it needs to find an accelerator, to load and to save the
// model, and its tokens at a rate that every accelerator surpasses. A run is stopped, and
// paid, at its limit, so that the limit bounds the price.
const (
	aroundTraining  = 3 * time.Hour
	tokensPerSecond = 500
	bytesPerToken   = 2 // at least, with the JSON around it
)

// trainer is fine-tuning by runs of the Jobs API.
type trainer struct {
	*driver
	*place
}

var (
	_ providers.Filer     = trainer{}
	_ providers.Estimator = trainer{}
	_ providers.Logger    = trainer{}
)

// Trainer returns Databricks' fine-tuning.
func (d *trainingDriver) Trainer() providers.Trainer { return trainer{d.driver, &d.place} }

// Tunable tells the limits of a model whose weights and accelerator are known.
func (t trainer) Tunable(_ context.Context, base string) (providers.TuneLimits, error) {
	if _, ok := t.compute.of(base); !ok || t.weights[base] == "" {
		return providers.TuneLimits{}, gone(base, "can not be fine-tuned: choose another base, or name its weights in "+envTuned+
			" and its accelerator in "+envMachines)
	}
	return providers.TuneLimits{MaxEpochs: maxEpochs, MaxRank: maxRank, MaxSequence: maxSequence, MinBatch: 1}, nil
}

// goodSuffix is what a suffix may be: the model's name holds it.
var goodSuffix = regexp.MustCompile(`^[a-z0-9_-]{1,40}$`)

// check refuses what no run can be made of.
func (t trainer) check(ctx context.Context, spec providers.TrainSpec) error {
	switch {
	case !goodSuffix.MatchString(spec.Suffix):
		return invalid("suffix", "give the training a suffix of 1 to 40 small letters, digits, - and _")
	case spec.Epochs < 1 || spec.Rank < 1 || spec.LearningRate <= 0:
		return invalid("epochs", "state epochs, rank and learning rate")
	}
	if err := spec.WithoutPairs(name); err != nil {
		return err
	}
	for _, file := range []string{spec.File, spec.Validation} {
		if err := t.ours(file); file != "" && err != nil {
			return err
		}
	}
	_, err := t.Tunable(ctx, spec.Base)
	return err
}

// bound tells how many tokens a training has at most, and how long it may take.
func (t trainer) bound(ctx context.Context, spec providers.TrainSpec) (tokens int64, limit time.Duration, err error) {
	for _, file := range []string{spec.File, spec.Validation} {
		if file == "" {
			continue
		}
		size, err := t.size(ctx, file)
		if missing(err) {
			return 0, 0, invalid("file", "the file is not in the volume any more: upload it again")
		}
		if err != nil {
			return 0, 0, err
		}
		tokens += (size + bytesPerToken - 1) / bytesPerToken * int64(spec.Epochs)
	}
	return tokens, aroundTraining + time.Duration(tokens/tokensPerSecond)*time.Second, nil
}

// Estimate is the price of a run that takes all of its time.
func (t trainer) Estimate(ctx context.Context, spec providers.TrainSpec) (providers.Estimate, error) {
	if err := t.check(ctx, spec); err != nil {
		return providers.Estimate{}, err
	}
	tokens, limit, err := t.bound(ctx, spec)
	if err != nil {
		return providers.Estimate{}, err
	}
	machine, _ := t.compute.of(spec.Base)
	return providers.Estimate{Available: true, Allowed: true, Nano: machine.cost(limit), TrainTokens: tokens}, nil
}

// cost is what the hardware costs for a while, rounded up.
func (r rate) cost(while time.Duration) int64 {
	seconds := int64((while + time.Second - 1) / time.Second)
	return (seconds*r.nano + 3599) / 3600
}

// Start starts a training. The token has a repetition answered with the same run.
func (t trainer) Start(ctx context.Context, spec providers.TrainSpec) (providers.Training, error) {
	if err := t.check(ctx, spec); err != nil {
		return providers.Training{}, err
	}
	_, limit, err := t.bound(ctx, spec)
	if err != nil {
		return providers.Training{}, err
	}
	if err := t.bring(ctx, spec); err != nil {
		return providers.Training{}, err
	}
	var made struct {
		Run int64 `json:"run_id"`
	}
	_, err = t.Do(ctx, openai.Call{Method: http.MethodPost, URL: t.jobs("submit"), In: t.order(spec, limit), Out: &made})
	if err != nil {
		return providers.Training{}, err
	}
	if made.Run == 0 {
		return providers.Training{}, t.Garbled("the answer names no run: look for it before another try")
	}
	queued := run{ID: made.Run}
	queued.State.Life = waiting[0] // a look that failed here would leave in doubt what is certain
	return t.training(t.trained(spec, made.Run), queued), nil
}

// jobs is where the Jobs API has a call about runs.
func (d *driver) jobs(call string) string { return d.host + "/api/2.2/jobs/runs/" + call }

// command is where a training's command stands in the workspace.
func (t trainer) command(spec providers.TrainSpec) string {
	return t.folder + "/" + spec.Suffix + ".sh"
}

// bring writes the command of a training into the workspace
// (https://docs.databricks.com/api/workspace/workspace/import).
func (t trainer) bring(ctx context.Context, spec providers.TrainSpec) error {
	workspace := t.host + "/api/2.0/workspace/"
	_, err := t.Do(ctx, openai.Call{Method: http.MethodPost, URL: workspace + "mkdirs", In: map[string]any{"path": t.folder}})
	if err != nil {
		return err
	}
	_, err = t.Do(ctx, openai.Call{Method: http.MethodPost, URL: workspace + "import", In: map[string]any{
		"path": t.command(spec), "format": "RAW", "overwrite": true,
		"content": base64.StdEncoding.EncodeToString([]byte(t.script(spec))),
	}})
	return err
}

// token is what makes a submission safe to repeat: Databricks takes 64 characters.
func token(spec providers.TrainSpec) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{spec.Suffix, spec.File, spec.Base}, "\x00")))
	return hex.EncodeToString(sum[:])
}

// runName tells a training's run from others: by the suffix, and a mark of file and base.
func runName(spec providers.TrainSpec) string {
	return "dreamlab " + spec.Suffix + " " + token(spec)[:12]
}

// order is what a run is submitted with (https://docs.databricks.com/api/workspace/jobs/submit).
// Nothing is retried: another attempt would be paid, too.
func (t trainer) order(spec providers.TrainSpec, limit time.Duration) map[string]any {
	machine, _ := t.compute.of(spec.Base)
	return map[string]any{
		"run_name": runName(spec), "idempotency_token": token(spec), "timeout_seconds": int64(limit / time.Second),
		"environments": []any{map[string]any{
			"environment_key": "default", "spec": map[string]any{"environment_version": "4", "dependencies": packages()},
		}},
		"tasks": []any{map[string]any{
			"task_key": "train", "run_if": "ALL_SUCCESS", "environment_key": "default", "max_retries": 0, "retry_on_timeout": false,
			"ai_runtime_task": map[string]any{
				"experiment": "dreamlab-" + spec.Suffix, "mlflow_experiment_directory": t.folder,
				"deployments": []any{map[string]any{
					"command_path": t.command(spec),
					"compute":      map[string]any{"accelerator_type": machine.hardware, "accelerator_count": accelerators(machine.hardware)},
				}},
			},
		}},
	}
}

// accelerators is how many a type of node has: GPU_8xH100 has 8.
func accelerators(hardware string) int {
	_, rest, _ := strings.Cut(hardware, "_")
	count, _, _ := strings.Cut(rest, "x")
	n, err := strconv.Atoi(count)
	if err != nil {
		return 1
	}
	return n
}

// clockSkew is how far Databricks' clock may be behind ours.
const clockSkew = 5 * time.Minute

// maxPages bounds how much of the list of runs is read.
const maxPages = 100

// Find lists the submitted runs and returns the oldest that has the spec's name. The token
// alone would start one that is not there.
func (t trainer) Find(
	ctx context.Context, spec providers.TrainSpec, notBefore time.Time,
) (found providers.Training, ok bool, err error) {
	from := notBefore.Add(-clockSkew)
	query := url.Values{"run_type": {"SUBMIT_RUN"}, "limit": {"25"}}
	if from.UnixMilli() > 0 {
		query.Set("start_time_from", strconv.FormatInt(from.UnixMilli(), 10))
	}
	for range maxPages {
		var page struct {
			Runs []run  `json:"runs"`
			Next string `json:"next_page_token"`
		}
		call := openai.Call{Method: http.MethodGet, URL: t.jobs("list") + "?" + query.Encode(), Out: &page}
		if _, err := t.Do(ctx, call); err != nil {
			return found, false, err
		}
		for _, r := range page.Runs {
			made := t.training(t.trained(spec, r.ID), r)
			if r.Name == runName(spec) && !made.Created.Before(from) && (!ok || made.Created.Before(found.Created)) {
				found, ok = made, true
			}
		}
		if page.Next == "" {
			break
		}
		query.Set("page_token", page.Next)
	}
	return found, ok, nil
}

// Poll tells how far a training is.
func (t trainer) Poll(ctx context.Context, handle providers.Handle) (providers.Training, error) {
	known, err := readTrained(handle)
	if err != nil {
		return providers.Training{}, err
	}
	return t.look(ctx, known)
}

func (t trainer) look(ctx context.Context, known trained) (providers.Training, error) {
	var found run
	address := t.jobs("get") + "?run_id=" + strconv.FormatInt(known.Run, 10)
	if _, err := t.Do(ctx, openai.Call{Method: http.MethodGet, URL: address, Out: &found}); err != nil {
		return providers.Training{}, err
	}
	if found.ID != known.Run {
		return providers.Training{}, t.Garbled("the answer is about another run")
	}
	return t.training(known, found), nil
}

// Cancel asks for the end; the training may complete all the same.
func (t trainer) Cancel(ctx context.Context, handle providers.Handle) (providers.Training, error) {
	known, err := readTrained(handle)
	if err != nil {
		return providers.Training{}, err
	}
	in := map[string]int64{"run_id": known.Run}
	if _, err := t.Do(ctx, openai.Call{Method: http.MethodPost, URL: t.jobs("cancel"), In: in}); err != nil {
		return providers.Training{}, err
	}
	return t.look(ctx, known)
}

// trained is what finds a training again, and what it makes.
type trained struct {
	Run    int64  `json:"run"`
	Suffix string `json:"suffix"`
	Base   string `json:"base"`
	File   string `json:"file"`
	Model  string `json:"model"` // of Unity Catalog
}

func (t trainer) trained(spec providers.TrainSpec, run int64) trained {
	return trained{Run: run, Suffix: spec.Suffix, Base: spec.Base, File: spec.File, Model: t.model(spec)}
}

// model is the name under which a training registers what it makes.
func (t trainer) model(spec providers.TrainSpec) string {
	return t.schema + ".dreamlab_" + strings.ReplaceAll(spec.Suffix, "-", "_")
}

func readTrained(handle providers.Handle) (known trained, err error) {
	if json.Unmarshal(handle, &known) != nil || known.Run <= 0 || known.Model == "" {
		return known, invalid("handle", "the handle is none that Start returned")
	}
	return known, nil
}

// training tells of a run. What it costs is told by how long it took.
func (t trainer) training(known trained, r run) providers.Training {
	state, status := r.state()
	made := providers.Training{
		ID: strconv.FormatInt(r.ID, 10), Handle: plainjson.Of(known), State: state, Status: status, Base: known.Base,
		Suffix: known.Suffix, File: known.File, Created: moment(r.Began),
	}
	switch state {
	case providers.TrainingFailed:
		made.Reason = providers.Redact(r.reason())
	case providers.TrainingSucceeded:
		made.Output = known.Model
	}
	if state.Ended() {
		made.Finished = moment(r.Ended)
		machine, ok := t.compute.of(known.Base)
		if ok && r.Ended > 0 {
			ran := time.Duration(r.Setup+r.Execution) * time.Millisecond
			made.Nano = machine.cost(ran.Truncate(time.Second)) // whole seconds are billed
		} else {
			made.Charge = providers.ChargeUnknown // its machine ran, for a time or at a price that is not known
		}
	}
	return made
}

func moment(millis int64) time.Time {
	if millis <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}
