package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"

	"dreamlab/store/job"
	"dreamlab/tasks"
)

// event is the body of a delivery, in the shape of OpenAI's
// (https://platform.openai.com/docs/api-reference/webhook-events). It holds no
// answer: the receiver asks GET /v1/jobs/{id} with the key.
type event struct {
	ID        string `json:"id"` // the delivery's job: the same at each try
	Object    string `json:"object"`
	Type      string `json:"type"` // job.succeeded, job.failed, job.cancelled, job.expired
	CreatedAt int64  `json:"created_at"`
	Data      data   `json:"data"`
}

type data struct {
	ID       string          `json:"id"`
	Object   string          `json:"object"`
	Kind     string          `json:"kind"`
	Subject  *string         `json:"subject"` // the dream, tune or fine-tuning job that the job works for
	Status   job.State       `json:"status"`
	Error    *job.Error      `json:"error"`
	Metadata json.RawMessage `json:"metadata"`
}

func newEvent(delivery, j job.Job, status job.State) event {
	e := event{
		ID: delivery.ID, Object: "event", Type: "job." + string(status), CreatedAt: delivery.Created.Unix(),
		Data: data{
			ID: j.ID, Object: "job", Kind: tasks.Kind(j.Kind).Noun(), Status: status,
			Metadata: json.RawMessage("{}"),
		},
	}
	if j.Subject != "" {
		e.Data.Subject = &j.Subject
	}
	if status != job.StateSucceeded {
		e.Data.Error = j.Error
	}
	if len(j.Metadata) > 0 {
		e.Data.Metadata = j.Metadata
	}
	return e
}

// signature signs a delivery as Standard Webhooks has it
// (https://github.com/standard-webhooks/standard-webhooks).
func signature(secret []byte, id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
