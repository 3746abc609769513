package providertest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"dreamlab/providers"
)

// Chunks is how many chunks the streams have by which drivers are measured.
const Chunks = 256

// allocRuns is over how many calls allocations are counted.
const allocRuns = 200

// Added measures what a driver adds to a call of plain net/http, both turn by turn in the same
// run: time and allocations of a call, and of each of so many chunks, 0 for a whole answer. The
// server is in the same process and adds the same to both.
func Added(b *testing.B, chunks int, plain, driven func() error) {
	b.Helper()
	var took [2]time.Duration
	calls := [2]func() error{plain, driven}
	var allocs [2]float64
	for i, call := range calls {
		allocs[i] = testing.AllocsPerRun(allocRuns, func() { must(b, call()) })
	}
	for b.Loop() {
		for i, call := range calls {
			began := time.Now()
			must(b, call())
			took[i] += time.Since(began)
		}
	}
	added := float64(took[1]-took[0]) / float64(b.N)
	b.ReportMetric(float64(took[1])/float64(took[0]), "×plain")
	b.ReportMetric(added/1e3, "added-µs/call")
	b.ReportMetric(allocs[1]-allocs[0], "added-allocs/call")
	if chunks > 0 {
		b.ReportMetric(added/float64(chunks), "added-ns/chunk")
		b.ReportMetric((allocs[1]-allocs[0])/float64(chunks), "added-allocs/chunk")
	}
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// Plain returns a call that posts a body by net/http alone and reads the answer to its end,
// line by line.
func Plain(client *http.Client, url string, body []byte) func() error {
	return func() error {
		answer, err := client.Post(url, "application/json", bytes.NewReader(body))
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("answered %s", answer.Status)
		}
		lines := bufio.NewReader(answer.Body)
		for err == nil {
			_, err = lines.ReadSlice('\n')
			if err == bufio.ErrBufferFull {
				err = nil
			}
		}
		if err != io.EOF {
			return err
		}
		return nil
	}
}

// Driven returns a call of a driver, streamed or whole.
func Driven(b *testing.B, driver providers.Driver, req *providers.Request, streamed bool) func() error {
	var sink providers.Sink
	if streamed {
		sink = func(providers.Chunk) error { return nil }
	}
	return func() error {
		_, err := driver.Chat(b.Context(), req, sink)
		return err
	}
}
