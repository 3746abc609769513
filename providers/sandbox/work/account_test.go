package work

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const question, answer = "How do I mend boat 7?", "Seal plank 7 with resin."

// bench is an account on a clock that only the test moves.
type bench struct {
	*Account
	lab *lab.Lab
	req *http.Request
}

func newBench(t *testing.T, dir string) *bench {
	t.Helper()
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	l, err := lab.New(lab.Options{Dir: dir, Now: func() time.Time { return start }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	account, err := Open(l, Options{
		Vendor: "acme", Hour: func(string) int64 { return 600 },
		Brain: func(base string) *model.Model {
			if base == "small" {
				return l.Small
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{Account: account, lab: l, req: httptest.NewRequest(http.MethodPost, "/things", nil)}
}

// sound fails the test where something was refused.
func sound(t *testing.T, refused *lab.Failure) {
	t.Helper()
	if refused != nil {
		t.Fatalf("refused with %d: %s", refused.Status, refused.Message)
	}
}

// refused fails the test unless something was refused with a status.
func refused(t *testing.T, status int, f *lab.Failure) {
	t.Helper()
	if f == nil || f.Status != status {
		t.Errorf("got %+v, want a refusal with %d", f, status)
	}
}

func rows() string {
	var out strings.Builder
	for i := range 40 {
		fmt.Fprintf(&out, `{"prompt":"How do I mend boat %d?","completion":"Seal plank %d with resin."}`+"\n", i, i)
	}
	return out.String()
}

// file uploads training rows and waits until they are checked.
func (b *bench) file(t *testing.T, content string) string {
	t.Helper()
	f, failed := b.Files.Add(File{ID: lab.NewID("f-"), Name: "boats.jsonl", Rows: true})
	sound(t, failed)
	sound(t, b.Files.Put(f.ID, strings.NewReader(content)))
	_, failed = b.Files.Receive(b.req, f.ID)
	sound(t, failed)
	b.lab.Advance(time.Minute)
	return f.ID
}

// train begins a training on rows of its own.
func (b *bench) train(t *testing.T, id string) {
	t.Helper()
	_, failed := b.Trainings.Train(b.req, Training{
		ID: id, Base: "small", File: b.file(t, rows()), Epochs: 2, Rate: 1_000_000_000, Model: "m-" + id, Name: id,
	})
	sound(t, failed)
}

func (b *bench) paid(model string) int64 {
	for _, p := range b.lab.Payments() {
		if p.Vendor == "acme" && p.Model == model {
			return p.NanoUSD
		}
	}
	return 0
}

func (b *bench) state(t *testing.T, id string) TrainingState {
	t.Helper()
	training, failed := b.Trainings.Training(id)
	sound(t, failed)
	return training.State(b.lab.Now())
}
