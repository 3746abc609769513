package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"dreamlab/store/backoff"
)

const (
	answer = `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"echo","choices":[{"index":0,` +
		`"message":{"role":"assistant","content":"An answer of a few words."},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":9,"completion_tokens":6,"total_tokens":15}}`
	chunk = `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"echo",` +
		`"choices":[{"index":0,"delta":{"content":"word "},"finish_reason":null}]}`
	lastChunk = `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"echo",` +
		`"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":9,"completion_tokens":6,"total_tokens":15}}`
	chunks = 6
)

// vendor is an OpenAI-compatible server that answers everything at once, and streams at the
// pace that a load sets.
type vendor struct {
	url    string
	beat   time.Duration // between two chunks; set before the first request
	server *httptest.Server
}

func startVendor() *vendor {
	v := &vendor{}
	v.server = httptest.NewServer(http.HandlerFunc(v.serve))
	v.url = v.server.URL + "/v1"
	return v
}

func (v *vendor) close() error {
	v.server.Close()
	return nil
}

func (v *vendor) serve(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Stream bool `json:"stream"`
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err = errors.Join(err, json.Unmarshal(body, &request)); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if request.Stream {
		v.stream(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	reply(w, answer)
}

// reply writes to a client of the load. A client that has gone is counted by the load.
func reply(w io.Writer, text string) bool {
	_, err := io.WriteString(w, text)
	return err == nil
}

func (v *vendor) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	for i := range chunks {
		if i > 0 && !pause(r, v.beat) {
			return
		}
		if !reply(w, "data: "+chunk+"\n\n") {
			return
		}
		// Without a pace all is sent at once, as a vendor does whose answer is ready.
		if v.beat > 0 && flush.Flush() != nil {
			return
		}
	}
	reply(w, fmt.Sprintf("data: %s\n\ndata: [DONE]\n\n", lastChunk))
}

// pause waits, and tells whether the client is still there.
func pause(r *http.Request, d time.Duration) bool {
	return d == 0 || backoff.Sleep(r.Context(), d) == nil
}
