package emulator_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dreamlab/providers/sandbox/lab"
)

// Many clients at once: nothing is lost, counted twice or mixed up.
func TestManyClients(t *testing.T) {
	t.Parallel()
	r := start(t)
	file := r.file()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 5 {
				if got := r.Do("POST", "/v1/fine-tunes", spec(file)); got.Status != http.StatusOK {
					t.Errorf("create: %d %s", got.Status, got.Body)
				}
				if got := r.Do("POST", chat, ask(base, "Thank you")); got.Text(said) != "You are welcome!" {
					t.Errorf("chat: %d %s", got.Status, got.Body)
				}
				r.Do("GET", "/v1/fine-tunes", nil)
				r.Lab.Payments()
			}
			name := map[string]any{"name": fmt.Sprintf("e%d", i%4)}
			if got := r.Do("POST", project+"/endpoints", name); got.Status != 200 && got.Status != 409 {
				t.Errorf("endpoint: %d %s", got.Status, got.Body)
			}
		})
	}
	group.Wait()
	tunes, _ := r.ok("GET", "/v1/fine-tunes", nil).Get("data").([]any)
	endpoints, _ := r.ok("GET", project+"/endpoints", nil).Get("data").([]any)
	if len(tunes) != 40 || len(endpoints) != 4 {
		t.Errorf("%d fine-tunes and %d endpoints, want 40 and 4", len(tunes), len(endpoints))
	}
	if paid := r.Payment("together", "fine-tune:"+base).Calls; paid != 40 {
		t.Errorf("%d fine-tunes were billed", paid)
	}
	if paid := r.Payment("together", base).Calls; paid != 40 {
		t.Errorf("%d chats were billed", paid)
	}
}

// An upload whose answer is lost is there all the same, to be found by name.
func TestLostUploadIsFoundByName(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.once(lab.Fault{Kind: lab.FaultDropAfter, Method: "POST", Route: "/files"})
	path := "/v1/files?file_name=0123.jsonl&purpose=fine-tune&file_type=jsonl"
	if lost := r.Do("POST", path, nil); lost.Err == nil {
		t.Fatalf("the answer was not lost: %d", lost.Status)
	}
	r.ok("GET", "/v1/files", nil).Is(t, 200,
		"data.0.filename", "0123.jsonl", "data.0.processing_status", "PENDING")
}

// What cannot be kept is refused, and the emulator goes on.
func TestFullShelf(t *testing.T) {
	t.Parallel()
	r := start(t)
	small := startWith(t, lab.Options{MaxBytes: 3000})
	got := small.Do("POST", "/v1/files?file_name=a.jsonl&purpose=fine-tune", nil)
	location := got.Header.Get("Location")
	if put := small.DoAs("", "PUT", location, boats(200)); put.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d %s", put.Status, put.Body)
	}
	small.ok("POST", chat, ask(base, "Thank you"))
	r.ok("POST", chat, ask(base, "Thank you"))
}

// Kept state that cannot be read is said on every request, not passed over.
func TestUnreadableState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "together.json"), []byte(`["no","state"]`), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startIn(t, dir)
	got := r.Want(r.Do("GET", "/v1/models", nil), http.StatusInternalServerError)
	if !strings.Contains(got.Text("error.message"), "move it away") {
		t.Errorf("got %s", got.Body)
	}
}
