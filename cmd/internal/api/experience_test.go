package api

import (
	"net/http"
	"testing"

	"dreamlab/tasks"
)

// Imports come as one conversation, as lines or as an array, with a byte order mark
// or without one; each is queued, and what is UTF-16 is refused with words.
func TestImportsOfEveryForm(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	lines := map[string]string{"Content-Type": "application/x-ndjson"}
	for name, q := range map[string]request{
		"one":            {body: oneConversation},
		"one with more":  {body: `{"id":"x","created_at":1,` + oneConversation[1:]},
		"a mark":         {body: "\ufeff" + oneConversation},
		"array":          {body: "\ufeff \r\n[" + oneConversation + ",7]"},
		"lines":          {body: "\ufeff" + oneConversation + "\r\n\r\n", header: lines},
		"array as lines": {body: "[" + oneConversation + "]", header: lines},
	} {
		q.method, q.path = http.MethodPost, "/v1/experiences"
		if a := r.do(q).want(t, http.StatusAccepted, ""); a.text(t, "kind") != tasks.ExperienceImport.Noun() {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	for _, q := range []request{
		{body: "\xff\xfe{\x00}\x00"}, {body: "\xff\xfe{\x00}\x00", header: lines},
	} {
		q.method, q.path = http.MethodPost, "/v1/experiences"
		r.do(q).want(t, http.StatusBadRequest, "invalid_request")
	}
}
