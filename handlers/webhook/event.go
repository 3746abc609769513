package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"dreamlab/store/job"
	"dreamlab/tasks"
)

// event is the body of a delivery, in the shape of OpenAI's
// (https://platform.openai.com/docs/api-reference/webhook-events). It holds no
// answer: the receiver asks GET /v1/jobs/{id} with the key.
type event struct {
	ID        string `json:"id"` // the delivery's job: the same at each try, and when it is sent again
	Object    string `json:"object"`
	Type      string `json:"type"` // job.succeeded, job.failed, …, dream.succeeded, budget.threshold
	CreatedAt int64  `json:"created_at"`
	Data      any    `json:"data"`
}

// ended is the data of an event that tells of a job's end.
type ended struct {
	ID       string          `json:"id"`
	Object   string          `json:"object"`
	Kind     string          `json:"kind"`
	Subject  *string         `json:"subject"` // the dream, tune or fine-tuning job that the job works for
	Status   job.State       `json:"status"`
	Error    *job.Error      `json:"error"`
	Metadata json.RawMessage `json:"metadata"`
}

// newEvent is the event of a delivery, without its data.
func newEvent(delivery job.Job, in job.Delivery) event {
	e := event{ID: delivery.ID, Object: "event", Type: in.Type, CreatedAt: delivery.Created.Unix(), Data: in.Data}
	if in.Event != "" {
		e.ID, e.CreatedAt = in.Event, in.Made
	}
	return e
}

// about makes the event tell of a job's end.
func (e event) about(j job.Job, status job.State) event {
	data := ended{
		ID: j.ID, Object: "job", Kind: tasks.Kind(j.Kind).Noun(), Status: status, Metadata: json.RawMessage("{}"),
	}
	if j.Subject != "" {
		data.Subject = &j.Subject
	}
	if status != job.StateSucceeded {
		data.Error = j.Error
	}
	if len(j.Metadata) > 0 {
		data.Metadata = j.Metadata
	}
	e.Type, e.Data = "job."+string(status), data
	return e
}

// signature signs a delivery as Standard Webhooks has it, once with each secret
// (https://github.com/standard-webhooks/standard-webhooks).
func signature(secrets [][]byte, id string, at time.Time, body []byte) string {
	signed := make([]string, len(secrets))
	for i, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		signed[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signed, " ")
}
