package client

import (
	"fmt"
	"net/http"
	"testing"
)

func TestEvents(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/events" || r.Header.Get("Last-Event-ID") != "6" {
			t.Errorf("asked %s behind %q", r.URL, r.Header.Get("Last-Event-ID"))
		}
		fmt.Fprint(w, ": still at work\n\nevent: job.ended\nid: 7\ndata: {\"type\":\"job.ended\",\"id\":\"job_1\"}\n\n")
	})
	var seen []Event
	last, err := c.Events(t.Context(), "6", func(e Event) { seen = append(seen, e) })
	if err != nil || last != "7" || len(seen) != 1 || seen[0].ID != "job_1" {
		t.Errorf("%v, %s, %v", seen, last, err)
	}
}
