package work

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dreamlab/providers/sandbox/lab"
)

func TestFileGoesThroughItsStates(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	f, failed := b.Files.Add(File{ID: "f1", Rows: true})
	sound(t, failed)
	_, failed = b.Files.Receive(b.req, f.ID)
	refused(t, http.StatusBadRequest, failed) // nothing was put
	sound(t, b.Files.Put(f.ID, strings.NewReader(rows())))
	f, failed = b.Files.Receive(b.req, f.ID)
	sound(t, failed)
	if f.Bytes != int64(len(rows())) || f.Report.Lines != 40 || f.Report.Tokens == 0 {
		t.Errorf("received %+v", f)
	}
	for passed, want := range map[time.Duration]FileState{
		0: FileQueued, 5 * time.Second: FileChecking, 20 * time.Second: FileReady, 1000 * time.Hour: FileReady,
	} {
		if got := f.State(b.lab.Now().Add(passed)); got != want {
			t.Errorf("after %v it is %s, want %s", passed, got, want)
		}
	}
}

// A bad row is told by its line, and nothing is trained on it.
func TestBadRowIsToldByItsLine(t *testing.T) {
	t.Parallel()
	good := `{"prompt":"a","completion":"b"}` + "\n"
	for content, want := range map[string]string{
		good + `oops`:                              "Line 2: the line must be a JSON object",
		good + good + `{"messages":[]}`:            "Line 3: `messages` must not be empty",
		`{"messages":[{"role":"user"}]}`:           "Line 1: `messages[0]` must contain a `content` field",
		good + `{"text":"another form of sample"}`: "Line 2: all samples must have one format",
		"": "The file is empty",
	} {
		b := newBench(t, "")
		id := b.file(t, content)
		f, failed := b.Files.File(id)
		sound(t, failed)
		if f.State(b.lab.Now()) != FileInvalid || !strings.HasPrefix(f.Report.Error, want) {
			t.Errorf("%q is %s: %q, want %q", content, f.State(b.lab.Now()), f.Report.Error, want)
		}
		_, failed = b.Trainings.Train(b.req, Training{ID: "t1", Base: "small", File: id, Epochs: 1})
		refused(t, http.StatusBadRequest, failed)
	}
}

func TestFileInParts(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	content := rows()
	f, failed := b.Files.Add(File{ID: "f1", Rows: true, Count: 2})
	sound(t, failed)
	_, failed = b.Files.Signed(f.ID, "guess")
	refused(t, http.StatusForbidden, failed)
	f, failed = b.Files.Signed(f.ID, f.Secret)
	sound(t, failed)
	_, failed = b.Files.PutPart(f, 3, strings.NewReader("x"))
	refused(t, http.StatusBadRequest, failed)
	var tags []string
	for n, part := range []string{content[:500], content[500:]} {
		tag, failed := b.Files.PutPart(f, n+1, strings.NewReader(part))
		sound(t, failed)
		tags = append(tags, tag)
	}
	for _, wrong := range [][]string{tags[:1], {tags[1], tags[0]}, {"", ""}} {
		_, failed = b.Files.Join(b.req, f.ID, wrong)
		refused(t, http.StatusBadRequest, failed)
	}
	_, failed = b.Files.Join(b.req, f.ID, tags)
	sound(t, failed)
	sent := httptest.NewRecorder()
	sound(t, b.Files.Send(sent, f.ID))
	if sent.Body.String() != content {
		t.Errorf("%d bytes came of %d", sent.Body.Len(), len(content))
	}
	_, failed = b.Files.Signed(f.ID, f.Secret)
	refused(t, http.StatusConflict, failed)
}

// A deleted file is gone to the customer, while a training rests on its bytes.
func TestDeletedFileStaysBelowItsTraining(t *testing.T) {
	t.Parallel()
	b := newBench(t, "")
	b.train(t, "t1")
	id := b.Files.List()[0].ID
	sound(t, b.Files.Delete(id))
	refused(t, http.StatusNotFound, b.Files.Delete(id))
	if body, err := b.lab.Shelf.Open(id); err != nil {
		t.Errorf("its bytes: %v", err)
	} else if err := body.Close(); err != nil {
		t.Error(err)
	}
	_, failed := b.Trainings.Cancel("t1")
	sound(t, failed)
	b.lab.Advance(time.Hour)
	sound(t, b.Trainings.Delete("t1"))
	if _, err := b.lab.Shelf.Open(id); err != lab.ErrAbsent {
		t.Errorf("its bytes are kept for nobody: %v", err)
	}
}
