package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

const (
	// batchLines is the number of lines of a tenant's batch.
	batchLines = 30
	// batchModel is asked in batches alone. Each order of it has a line in ten that its vendor
	// refuses for good, by the vendors' script.
	batchModel  = "qwen/qwen3.8-27b"
	batchScript = `{"vendor":"groq","model":"` + batchModel + `","fault":"fail_lines","share":0.1,"status":400}`
)

// batchFile is a file of a batch's requests.
func batchFile(tenant int) string {
	var out strings.Builder
	for i := range batchLines {
		fmt.Fprintf(&out, `{"custom_id":"b-%d-%d","method":"POST","url":"/v1/chat/completions","body":`+
			`{"model":"groq/%s","max_tokens":64,"messages":[{"role":"user","content":"How far is station %d?"}]}}`+"\n",
			tenant, i, batchModel, i)
	}
	return out.String()
}

// batch has a tenant's file of requests answered.
func (c *load) batch(ctx context.Context, a ask) {
	body := fmt.Sprintf(`{"input_file_id":%q,"endpoint":"/v1/chat/completions","completion_window":"24h"}`, c.requests[a.key])
	if job := textOf(c.insist(ctx, a, "/v1/batches", body, http.StatusOK), "dreamlab", "job"); job != "" {
		c.note(promise{job: job, key: a.key + a.idemKey()})
	}
}
