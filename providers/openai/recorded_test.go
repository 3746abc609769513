package openai

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dreamlab/providers"
)

// recorded are streams in the forms of services that speak the dialect, each in
// testdata/recorded with the answer that it is as a whole. They are billed so.
var recorded = map[string]providers.Usage{
	"azure":       {Input: 9, Output: 73, Reasoning: 64},
	"groq":        {Input: 73, Output: 41, Reasoning: 30},
	"huggingface": {Input: 140, Output: 30},
	"llamacpp":    {Input: 26, Output: 31},
	"openai":      {Input: 18, Output: 2},
	"openrouter":  {Input: 54, Output: 89, Reasoning: 64},
	"vercel":      {Input: 28, Output: 84, Reasoning: 75},
	"vllm":        {Input: 11, CachedInput: 8, Output: 2},
	"xai":         {Input: 496, CachedInput: 448, Output: 198, Reasoning: 121},
	"zai":         {Input: 20, CachedInput: 4, Output: 12},
}

// TestNothingIsLostOfRecordedStreams replays streams as they came, and in pieces of seven
// bytes: each event comes out as it went in, and the whole holds what they say.
func TestNothingIsLostOfRecordedStreams(t *testing.T) {
	t.Parallel()
	for name, used := range recorded {
		for way, size := range map[string]int{"at once": 1 << 20, "in pieces": 7} {
			t.Run(name+" "+way, func(t *testing.T) {
				t.Parallel()
				text := readFile(t, name+".sse")
				var chunks []any
				client := serve(t, Dialect{Extension: "x_groq"}, inPieces(text, size))
				reply, err := client.Chat(t.Context(), hello(), func(c providers.Chunk) error {
					chunks = append(chunks, decode(t, c.Data))
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if events := eventsOf(t, text); !reflect.DeepEqual(chunks, events) {
					t.Errorf("got  %v\nwant %v", chunks, events)
				}
				if want := decode(t, readFile(t, name+".json")); !reflect.DeepEqual(decode(t, reply.Body), want) {
					t.Errorf("the answer is %s", reply.Body)
				}
				if reply.Usage != used || reply.Skipped != 0 {
					t.Errorf("counted %+v, want %+v; %d events were skipped", reply.Usage, used, reply.Skipped)
				}
			})
		}
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "recorded", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func decode(t *testing.T, text []byte) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

// eventsOf returns the objects of a stream.
func eventsOf(t *testing.T, text []byte) (events []any) {
	t.Helper()
	for line := range strings.Lines(string(text)) {
		if data, found := strings.CutPrefix(strings.TrimSpace(line), "data: {"); found {
			events = append(events, decode(t, []byte("{"+data)))
		}
	}
	return events
}

func inPieces(text []byte, size int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		out := http.NewResponseController(w)
		for rest := bytes.NewBuffer(text); rest.Len() > 0; {
			if _, err := w.Write(rest.Next(size)); err != nil || out.Flush() != nil {
				return
			}
		}
	}
}
