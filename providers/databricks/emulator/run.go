package emulator

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
	"dreamlab/providers/sandbox/work"
)

// unit is what a DBU costs, in nano-dollars.
const unit = 70_000_000

// accelerators are what runs can have, with DBU an hour.
func accelerators() map[string]int64 {
	return map[string]int64{"GPU_1xA10": 30, "GPU_1xH100": 100, "GPU_8xH100": 800}
}

// brains are what the models of system.ai know that can be trained.
func brains(l *lab.Lab) func(string) *model.Model {
	return func(weights string) *model.Model {
		return map[string]*model.Model{
			"system.ai.meta_llama_v3_1_8b_instruct": l.Small, "system.ai.meta_llama_v3_3_70b_instruct": l.Large,
		}[weights]
	}
}

// runAsk is what a run is submitted with (https://docs.databricks.com/api/workspace/jobs/submit).
type runAsk struct {
	Name    string    `json:"run_name"`
	Token   string    `json:"idempotency_token"`
	Timeout int64     `json:"timeout_seconds"`
	Tasks   []taskAsk `json:"tasks"`
	Told    program   `json:"told"` // what the command's program was told
}

type taskAsk struct {
	Key     string `json:"task_key"`
	Retries int    `json:"max_retries"`
	Runtime *struct {
		Experiment  string `json:"experiment"`
		Deployments []struct {
			Command string `json:"command_path"`
			Compute struct {
				Type  string `json:"accelerator_type"`
				Count int    `json:"accelerator_count"`
			} `json:"compute"`
		} `json:"deployments"`
	} `json:"ai_runtime_task"`
}

// program is what Dream Lab's program is told, as far as it matters here.
type program struct {
	Data    string `json:"data"`
	Output  string `json:"output"`
	Weights string `json:"weights"`
	Model   string `json:"model"`
	Epochs  int    `json:"epochs"`
}

// told finds the parameters in a command.
var told = regexp.MustCompile(`(?s)json\.loads\(r"""(.*?)"""\)`)

// runs are the routes of the Jobs API.
func (e *emulator) runs(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/2.2/jobs/runs/submit", lab.Take(e.vendor, e.submit))
	mux.HandleFunc("GET /api/2.2/jobs/runs/get", e.vendor.Answer(e.getRun))
	mux.HandleFunc("GET /api/2.2/jobs/runs/list", e.vendor.Answer(e.listRuns))
	mux.HandleFunc("POST /api/2.2/jobs/runs/cancel", lab.Take(e.vendor, e.cancel))
}

// check refuses what the Jobs API refuses.
func (a *runAsk) check() *lab.Failure {
	if len(a.Tasks) != 1 || a.Tasks[0].Runtime == nil || len(a.Tasks[0].Runtime.Deployments) != 1 {
		return lab.Invalid("", "Exactly one task with one deployment is supported.")
	}
	at := a.Tasks[0].Runtime.Deployments[0]
	switch {
	case len(a.Token) > 64:
		return lab.Invalid("", "idempotency_token must have at most 64 characters.")
	case accelerators()[at.Compute.Type] == 0 || at.Compute.Count < 1:
		return lab.Invalid("", "The accelerator type %q is none of GPU_1xA10, GPU_1xH100 and GPU_8xH100.", at.Compute.Type)
	case !inWorkspace(at.Command):
		return lab.Invalid("", "command_path must be in the workspace.")
	}
	return nil
}

// submit starts a run, or names the one that was started with the token.
func (e *emulator) submit(r *http.Request, asked *runAsk) (any, *lab.Failure) {
	if refused := asked.check(); refused != nil {
		return nil, refused
	}
	for _, t := range e.account.Trainings.List() {
		if asked.Token != "" && askOf(t).Token == asked.Token {
			return runID(t), nil
		}
	}
	at := asked.Tasks[0].Runtime.Deployments[0]
	planned := work.Training{
		ID: e.number(), Hour: accelerators()[at.Compute.Type] * unit, Limit: time.Duration(asked.Timeout) * time.Second,
	}
	planned.Reason = e.prepare(r, at.Command, asked, &planned)
	request, err := json.Marshal(asked)
	if err != nil { // what was read as JSON is JSON again
		panic(err)
	}
	planned.Request = request
	made, refused := e.account.Trainings.Train(r, planned)
	if refused != nil {
		return nil, refused
	}
	return runID(made), nil
}

// prepare reads what a command is to do, and returns why it fails, "" where it does not.
func (e *emulator) prepare(r *http.Request, command string, asked *runAsk, planned *work.Training) string {
	content, err := e.read(command)
	if err != nil {
		return "The command " + command + " was not found."
	}
	parameters := told.FindSubmatch(content)
	if parameters == nil || json.Unmarshal(parameters[1], &asked.Told) != nil {
		return "Workload failed with exit code 1."
	}
	p := asked.Told
	planned.Base, planned.Epochs, planned.Model, planned.Name = p.Weights, p.Epochs, p.Model, p.Model
	rows, err := e.bucket.Open(strings.TrimPrefix(p.Data, "/"))
	switch {
	case err != nil:
		return "No such file: " + p.Data
	case brains(e.lab)(p.Weights) == nil:
		return "RESOURCE_DOES_NOT_EXIST: Registered Model " + p.Weights + " does not exist."
	}
	defer rows.Close()
	file, refused := e.account.Files.Take(r, work.File{ID: lab.NewID("rows-"), Name: p.Data, Rows: true}, rows)
	if refused != nil {
		return refused.Message
	}
	planned.File = file.ID
	return file.Report.Error
}

func (e *emulator) read(path string) ([]byte, error) {
	file, err := e.bucket.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

// number makes the id of a run.
func (e *emulator) number() string {
	at := e.lab.Now().UnixMicro()
	for {
		if _, refused := e.account.Trainings.Training(fmt.Sprint(at)); refused != nil {
			return fmt.Sprint(at)
		}
		at++
	}
}

func runID(t work.Training) any { return map[string]any{"run_id": json.Number(t.ID)} }

// askOf is what a run was submitted with.
func askOf(t work.Training) (asked runAsk) {
	if err := json.Unmarshal(t.Request, &asked); err != nil { // it was written by submit
		panic(err)
	}
	return asked
}

// states are the words for where a run is: the life cycle, the result, and the code of its end.
var states = map[work.TrainingState][3]string{
	work.TrainingPending: {"PENDING"}, work.TrainingQueued: {"QUEUED"}, work.TrainingRunning: {"RUNNING"},
	work.TrainingPacking: {"RUNNING"}, work.TrainingSaving: {"RUNNING"}, work.TrainingCancelling: {"TERMINATING"},
	work.TrainingCancelled: {"TERMINATED", "CANCELED", "USER_CANCELED"},
	work.TrainingRejected:  {"TERMINATED", "FAILED", "RUN_EXECUTION_ERROR"},
	work.TrainingFailed:    {"INTERNAL_ERROR", "FAILED", "CLOUD_FAILURE"},
	work.TrainingSucceeded: {"TERMINATED", "SUCCESS", "SUCCESS"},
}

// timedOut are the words for a run that was stopped at its limit.
var timedOut = [3]string{"TERMINATED", "TIMEDOUT", "MAX_RUN_DURATION_EXCEEDED"}

// runObject is a run as the Jobs API tells it.
func (e *emulator) runObject(t work.Training) any {
	now := e.lab.Now()
	state := t.State(now)
	words := states[state]
	if t.Reason == work.OverTime && state == work.TrainingFailed {
		words = timedOut
	}
	object := map[string]any{
		"run_id": json.Number(t.ID), "run_name": askOf(t).Name, "run_type": "SUBMIT_RUN", "start_time": t.Created.UnixMilli(),
		"end_time": 0, "setup_duration": 0, "execution_duration": 0,
		"state": map[string]any{"life_cycle_state": words[0], "state_message": ""}, "status": map[string]any{"state": words[0]},
		"tasks": []any{map[string]any{"task_key": askOf(t).Tasks[0].Key, "run_id": json.Number(t.ID), "attempt_number": 0}},
	}
	if !state.Ended() {
		return object
	}
	object["end_time"] = t.Finish().UnixMilli()
	object["execution_duration"] = max(t.Finish().Sub(t.Started).Milliseconds(), 0)
	object["state"] = map[string]any{"life_cycle_state": words[0], "result_state": words[1], "state_message": t.Reason}
	object["status"] = map[string]any{
		"state": "TERMINATED", "termination_details": map[string]any{"code": words[2], "message": t.Reason},
	}
	return object
}

// run finds a run by its number.
func (e *emulator) run(id string) (work.Training, *lab.Failure) {
	t, refused := e.account.Trainings.Training(id)
	if refused != nil {
		refused = lab.Invalid("", "Run %s does not exist.", id)
	}
	return t, refused
}

func (e *emulator) getRun(r *http.Request) (any, *lab.Failure) {
	t, refused := e.run(r.URL.Query().Get("run_id"))
	if refused != nil {
		return nil, refused
	}
	return e.runObject(t), nil
}

// listRuns lists the runs, the newest first, by pages.
func (e *emulator) listRuns(r *http.Request) (any, *lab.Failure) {
	query := r.URL.Query()
	since, err := strconv.ParseInt(cmp.Or(query.Get("start_time_from"), "0"), 10, 64)
	if err != nil {
		return nil, lab.Invalid("", "start_time_from has to be a number of milliseconds.")
	}
	listed := slices.DeleteFunc(e.account.Trainings.List(), func(t work.Training) bool { return t.Created.UnixMilli() < since })
	slices.Reverse(listed)
	from := lab.Between(query.Get("page_token"), 0, len(listed), 0)
	to := min(from+lab.Between(query.Get("limit"), 1, 25, 20), len(listed))
	page := map[string]any{"runs": lab.Objects(listed[from:to], e.runObject), "has_more": to < len(listed)}
	if to < len(listed) {
		page["next_page_token"] = fmt.Sprint(to)
	}
	return page, nil
}

// cancel asks a run to end. Of one that has ended nothing changes.
func (e *emulator) cancel(_ *http.Request, asked *struct {
	Run int64 `json:"run_id"`
}) (any, *lab.Failure) {
	id := fmt.Sprint(asked.Run)
	t, refused := e.run(id)
	if refused == nil && !t.State(e.lab.Now()).Ended() {
		_, refused = e.account.Trainings.Cancel(id)
	}
	return map[string]any{}, refused
}

// told is the file of events that a run's program has written so far.
func (e *emulator) told(path string) ([]byte, bool) {
	for _, t := range e.account.Trainings.List() {
		if "/"+path == askOf(t).Told.Output+"/events.jsonl" {
			lines := e.lines(t)
			return lines, len(lines) > 0
		}
	}
	return nil, false
}

func (e *emulator) lines(t work.Training) []byte {
	var lines bytes.Buffer
	for _, event := range t.Events(e.lab.Now()) {
		if event.At.Before(t.Started) {
			continue
		}
		level := "info"
		if event.Kind == work.EventFailed || event.Kind == work.EventRejected {
			level = "error"
		}
		encoded, err := json.Marshal(map[string]any{
			"type": event.Kind, "level": level, "message": event.Text, "step": event.Step, "created": event.At.UTC(),
			"final": event.Kind == work.EventCheckpoint,
		})
		if err != nil { // what is told always marshals
			panic(err)
		}
		lines.Write(append(encoded, '\n'))
	}
	return lines.Bytes()
}
