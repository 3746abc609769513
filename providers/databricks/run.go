package databricks

import (
	"cmp"
	"slices"

	"dreamlab/providers"
)

// run is one of the Jobs API (https://docs.databricks.com/api/workspace/jobs/getrun). Times
// are milliseconds.
type run struct {
	ID        int64  `json:"run_id"`
	Name      string `json:"run_name"`
	Began     int64  `json:"start_time"`
	Ended     int64  `json:"end_time"`
	Setup     int64  `json:"setup_duration"`
	Execution int64  `json:"execution_duration"`
	State     struct {
		Life    string `json:"life_cycle_state"`
		Result  string `json:"result_state"`
		Message string `json:"state_message"`
	} `json:"state"`
	Status struct {
		Ending struct {
			Code    string `json:"code"`
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"termination_details"`
	} `json:"status"`
}

// The words for runs that wait, that end without a result, and that were cancelled.
var (
	waiting   = []string{"PENDING", "QUEUED", "BLOCKED", "WAITING_FOR_RETRY"}
	broken    = []string{"SKIPPED", "INTERNAL_ERROR"}
	cancelled = []string{"CANCELED", "CANCELLED", "UPSTREAM_CANCELED", "USER_CANCELED"}
)

// state maps the words of a run. A state that is not known is running; of a run that has
// terminated every result is a failure that is neither success nor a cancellation.
func (r run) state() (state providers.TrainingState, status string) {
	life, result := r.State.Life, cmp.Or(r.State.Result, r.Status.Ending.Code)
	switch {
	case slices.Contains(waiting, life):
		return providers.TrainingQueued, life
	case slices.Contains(broken, life):
		return providers.TrainingFailed, life
	case life != "TERMINATED":
		return providers.TrainingRunning, life
	case result == "SUCCESS" || result == "SUCCESS_WITH_FAILURES":
		return providers.TrainingSucceeded, result
	case slices.Contains(cancelled, result):
		return providers.TrainingCancelled, result
	}
	return providers.TrainingFailed, result
}

// reason is why a run failed.
func (r run) reason() string {
	said := cmp.Or(r.Status.Ending.Message, r.State.Message, r.Status.Ending.Code, r.State.Result, r.State.Life)
	return cmp.Or(said, "Databricks gives no reason: look at the run in the workspace")
}
