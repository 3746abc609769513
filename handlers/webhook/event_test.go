package webhook

import (
	"encoding/json"
	"testing"

	"dreamlab/store/job"
)

func TestEventsNameWhatTheJobWorksFor(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ kind, subject, want string }{
		{"dream.plan", "drm_1", `"drm_1"`}, {"tune.curate", "tun_1", `"tun_1"`}, {"chat.run", "", "null"},
	} {
		j := job.Job{ID: "job_1", Kind: test.kind, Subject: test.subject}
		text, err := json.Marshal(newEvent(job.Job{ID: "job_2"}, job.Delivery{}).about(j, job.StateSucceeded))
		var sent struct {
			Data struct{ Subject json.RawMessage }
		}
		if err != nil || json.Unmarshal(text, &sent) != nil || string(sent.Data.Subject) != test.want {
			t.Errorf("%s: the event is %s, %v", test.kind, text, err)
		}
	}
}
