package chat

import (
	"context"
	"strings"
	"testing"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// TestChunksWithoutChoicesKeepWhatTheyTell holds that it comes with the next chunk, and at
// the end with the usage where that is asked for.
func TestChunksWithoutChoicesKeepWhatTheyTell(t *testing.T) {
	t.Parallel()
	for usage, want := range map[bool]string{
		true:  `"prompt_filter_results":[1]|"content":"x"|"finish_reason":"stop"|"timings":{"n":1}`,
		false: `"prompt_filter_results":[1]|"content":"x"|"timings":{"n":1}`,
	} {
		run := &tasks.Run{Job: job.Job{ID: "job_1"}}
		turn := &turn{run: run, reply: discard{}}
		s := turn.newStream(context.Background())
		s.began(providers.Target{Provider: "p", Model: "m"}, 1)
		for _, data := range []string{
			`{"choices":[],"prompt_filter_results":[1]}`,
			`{"choices":[{"index":0,"delta":{"role":"assistant"}}]}`,
			`{"choices":[{"index":0,"delta":{"content":"x"}}]}`,
			`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"service_tier":"flex"}`,
			`{"choices":[],"usage":{"prompt_tokens":1},"service_tier":"other","timings":{"n":1}}`,
		} {
			if err := s.take(providers.Chunk{Data: []byte(data)}); err != nil {
				t.Fatal(err)
			}
		}
		s.close()
		var text strings.Builder
		for _, line := range s.tail(&handlers.Answered{Reply: &providers.Reply{}}, []byte("{}"), usage) {
			text.Write(line)
			text.WriteByte('\n')
		}
		rest := text.String()
		for _, part := range strings.Split(want, "|") {
			_, after, found := strings.Cut(rest, part)
			if !found {
				t.Errorf("usage %v: %s is not in order in %s", usage, part, text.String())
			}
			rest = after
		}
	}
}
