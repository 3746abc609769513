package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	_ "modernc.org/sqlite" // the driver of the embedded database
)

// reply is an answer of the API, read as far as these tests need it.
type reply struct {
	status int
	ID     string
	Status string
	Result struct{ Accepted int }
	Error  struct{ Code, Message string }
}

// ask asks the API and returns what it said, within the patience of a step.
func (st *stack) ask(t *testing.T, method, path, body string, header ...string) (r reply) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, method, st.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+st.key)
	q.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	q.Close = true
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(a.Body)
	if err := a.Body.Close(); err != nil {
		t.Error(err)
	}
	if err == nil {
		err = json.Unmarshal(bytes.TrimSpace(text), &r)
	}
	if err != nil {
		t.Fatalf("%s %s: %d %s: %v", method, path, a.StatusCode, text, err)
	}
	r.status = a.StatusCode
	return r
}

const (
	work = `{"kind":"chat","input":{"model":"assistant","messages":[{"role":"user","content":"Hello"}]}}`
	chat = `{"model":"assistant","messages":[{"role":"user","content":"Hello"}]}`
)

func told(n int) string {
	return fmt.Sprintf(`{"conversation_id":"c%d","messages":[{"role":"user","content":"q%d"},`+
		`{"role":"assistant","content":"a%d"}]}`, n, n, n)
}

// accepted makes jobs, and returns their ids.
func (st *stack) accepted(t *testing.T, n int) (ids []string) {
	t.Helper()
	for range n {
		r := st.ask(t, "POST", "/v1/jobs", work)
		if r.status != http.StatusAccepted {
			t.Fatalf("%+v", r)
		}
		ids = append(ids, r.ID)
	}
	return ids
}

// recovered refuses a program that lost a job, or does not work as before.
func (st *stack) recovered(t *testing.T, ids []string) {
	t.Helper()
	for _, id := range ids {
		if r := st.ask(t, "GET", "/v1/jobs/"+id, "", "Prefer", "wait=60"); r.Status != "succeeded" {
			t.Errorf("%s: %+v", id, r)
		}
	}
	if r := st.ask(t, "POST", "/v1/chat/completions", chat); r.status != http.StatusOK {
		t.Errorf("chat: %+v", r)
	}
	r := st.ask(t, "POST", "/v1/experiences", told(2), "Prefer", "wait=60")
	if r.status != http.StatusOK || r.Result.Accepted != 1 {
		t.Errorf("import: %+v", r)
	}
}

// limitFiles lets a process write files of so many bytes, which the kernel
// tells it like a disk that is full.
func limitFiles(t *testing.T, pid int, most uint64) {
	t.Helper()
	limit := syscall.Rlimit{Cur: most, Max: ^uint64(0)}
	_, _, fault := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), 1, // RLIMIT_FSIZE
		uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if fault != 0 {
		t.Fatal(fault)
	}
}

// TestFullDisk has the disk fill up under a running program: it says so, loses
// nothing that it accepted, and goes on when there is room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	st := embedded(t)
	ids := st.accepted(t, 5)
	limitFiles(t, st.up.cmd.Process.Pid, 0)
	for _, path := range []string{"/v1/jobs", "/v1/experiences", "/v1/chat/completions"} {
		body := map[string]string{"/v1/jobs": work, "/v1/experiences": told(1), "/v1/chat/completions": chat}[path]
		r := st.ask(t, "POST", path, body)
		if r.status != http.StatusInsufficientStorage || !strings.Contains(r.Error.Message, "no room left") {
			t.Errorf("%s: %+v", path, r)
		}
	}
	if r := st.ask(t, "GET", "/v1/jobs", ""); r.status != http.StatusOK {
		t.Errorf("reading: %+v", r)
	}
	limitFiles(t, st.up.cmd.Process.Pid, ^uint64(0))
	st.recovered(t, ids)
}

// TestLockedDatabase has another program hold the database's write lock: what
// would write is told to come again, and nothing is lost.
func TestLockedDatabase(t *testing.T) {
	t.Parallel()
	st := embedded(t)
	ids := st.accepted(t, 5)
	other, err := sql.Open("sqlite", filepath.Join(st.site.dir, ".dreamlab", "dreamlab.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	}()
	holder, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run := func(statement string) {
		t.Helper()
		if _, err := holder.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	run("PRAGMA busy_timeout = 60000")
	run("BEGIN EXCLUSIVE")
	began := time.Now()
	r := st.ask(t, "POST", "/v1/jobs", work)
	if r.status != http.StatusServiceUnavailable || !strings.Contains(r.Error.Message, "database is busy") {
		t.Errorf("%+v", r)
	}
	if waited := time.Since(began); waited > 30*time.Second {
		t.Errorf("it was told after %v", waited)
	}
	if r := st.ask(t, "GET", "/v1/jobs", ""); r.status != http.StatusOK {
		t.Errorf("reading: %+v", r)
	}
	run("ROLLBACK")
	if err := holder.Close(); err != nil {
		t.Error(err)
	}
	st.recovered(t, ids)
}

// TestMissingDependency starts the program where one is not there: it ends
// within seconds and names the setting.
func TestMissingDependency(t *testing.T) {
	t.Parallel()
	const nowhere = "127.0.0.1:1"
	for name, env := range map[string][]string{
		"DATABASE_URL":  {"DATABASE_URL=postgres://" + nowhere + "/x"},
		"BUCKET_URL":    {"BUCKET_URL=file:///proc/nowhere"},
		"DREAMLAB_DATA": {"DREAMLAB_DATA=/proc/nowhere"},
		"DREAMLAB_ADDR": {"DREAMLAB_ADDR=192.0.2.1:80"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, append([]string{"DREAMLAB_ADDR=127.0.0.1:0"}, env...)...)
			s.refuses(t, []string{"dreamlab", "up"}, name)
		})
	}
	t.Run("REDIS_URL", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, "DATABASE_URL=postgres://"+nowhere+"/x", "REDIS_URL=redis://"+nowhere, "BUCKET_URL=gs://b",
			"GROQ_API_KEY=x", "TOGETHER_API_KEY=x")
		s.refuses(t, []string{"dreamlab", "doctor"}, "DATABASE_URL", "REDIS_URL")
	})
}

// TestBadConfiguration names every fault of it at once.
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	s := newSite(t, "DATABASE_URL=mysql://x", "REDIS_URL=http://x", "BUCKET_URL=s3://x", "DREAMLAB_LOG=loud",
		"DREAMLAB_ADDR=here")
	text := "lanes: {chat: {concurrency: -1}}\ndream: {off_peak: {from: late}}\nbudgets: [{purpose: fun, usd: -1, per: year}]\n"
	if err := os.WriteFile(filepath.Join(s.dir, "dreamlab.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.refuses(t, []string{"dreamlab", "up"}, "DATABASE_URL", "REDIS_URL", "BUCKET_URL", "DREAMLAB_LOG", "DREAMLAB_ADDR",
		"lanes", "off_peak", "budgets")
}

// refuses runs a command that has to end badly, soon, and to say the words.
func (s *site) refuses(t *testing.T, args []string, words ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := s.command(ctx, args).CombinedOutput()
	if err == nil || ctx.Err() != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	for _, word := range words {
		if !strings.Contains(string(out), word) {
			t.Errorf("it does not say %s:\n%s", word, out)
		}
	}
}
