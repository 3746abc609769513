package api

import (
	"fmt"
	"testing"
	"time"
)

// TestListsByTime narrows a list to the rows made in a time.
func TestListsByTime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	made := r.post("/v1/chat/completions", askWhole).want(t, 200, "").text(t, "dreamlab", "job")
	now := time.Now().Unix()
	for query, want := range map[string]int{
		fmt.Sprintf("created_after=%d", now-60): 1, fmt.Sprintf("created_after=%d", now+60): 0,
		fmt.Sprintf("created_before=%d", now+60): 1, fmt.Sprintf("created_before=%d", now-60): 0,
		fmt.Sprintf("created_after=%d&created_before=%d&order=asc", now-60, now+60): 1, "key=key_none": 0,
	} {
		got := r.get("/v1/jobs?"+query).want(t, 200, "")
		if n := len(got.field(t, "data").([]any)); n != want {
			t.Errorf("%s finds %d, want %d", query, n, want)
		}
	}
	for _, wrong := range []string{"created_after=x", "created_after=-1", "created_before=99999999999999"} {
		r.get("/v1/jobs?"+wrong).want(t, 400, "invalid_request")
	}
	calls := r.get("/v1/jobs/"+made+"/calls").want(t, 200, "")
	if calls.field(t, "object") != "list" {
		t.Errorf("%s", calls.body)
	}
	r.do(request{path: "/v1/jobs/" + made + "/calls", key: r.other}).want(t, 404, "not_found")
}
