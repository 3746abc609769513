package chat

import (
	"net/http"
	"testing"
)

func TestStreamsShowWhoAnswers(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][2]string{
		`{"model":"groq/openai/gpt-oss-120b","choices":[]}`: {"groq", "openai/gpt-oss-120b"},
		`{"model":"m"}`: {}, `[DONE]`: {}, `{}`: {},
	} {
		header := http.Header{}
		showModel(header, [][]byte{[]byte(line)})
		if got := [2]string{header.Get("X-Dreamlab-Provider"), header.Get("X-Dreamlab-Model")}; got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	showModel(http.Header{}, nil)
}
