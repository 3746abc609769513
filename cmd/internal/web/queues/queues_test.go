package queues

import (
	"strings"
	"testing"
)

func TestShownPayload(t *testing.T) {
	t.Parallel()
	if got := shownPayload("chat.run", []byte(`{"jobs":[["job_1",2]]}`)); got != "job_1 (generation 2)" {
		t.Error(got)
	}
	if got := shownPayload("chat.run", []byte(`{"prompt":"secret"`)); strings.Contains(got, "secret") {
		t.Error(got)
	}
}
