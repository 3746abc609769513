package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// How long the processing of a file takes, in lab time.
const (
	fileQueued  = 5 * time.Second
	fileRunning = 15 * time.Second
)

// file is an uploaded file, or one whose bytes are awaited.
type file struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Purpose  string         `json:"purpose"`
	Type     string         `json:"type"`
	Bytes    int64          `json:"bytes"`
	Created  time.Time      `json:"created"`
	Received time.Time      `json:"received"` // when processing began; zero before
	Deleted  bool           `json:"deleted,omitempty"`
	Secret   string         `json:"secret,omitempty"` // of its signed addresses
	Parts    map[int]string `json:"parts,omitempty"`  // ETags by number, of a multipart upload
	Count    int            `json:"count,omitempty"`  // parts to come
	Report   report         `json:"report"`
}

// status is where the processing is.
func (f *file) status(now time.Time) string {
	passed := now.Sub(f.Received)
	switch {
	case f.Received.IsZero():
		return "PENDING"
	case passed < fileQueued:
		return "QUEUED"
	case passed < fileQueued+fileRunning:
		return "RUNNING"
	case f.Report.Error != "":
		return "INVALID_FORMAT"
	}
	return "COMPLETED"
}

func (f *file) object(now time.Time) map[string]any {
	status := f.status(now)
	object := map[string]any{
		"id": f.ID, "object": "file", "created_at": f.Created.Unix(), "filename": f.Name, "bytes": f.Bytes,
		"purpose": f.Purpose, "FileType": f.Type, "LineCount": f.Report.Lines,
		"Processed": status == "COMPLETED", "processing_status": status,
	}
	if status == "COMPLETED" || status == "INVALID_FORMAT" {
		object["validation_report"] = f.Report.object(f.ID)
	}
	return object
}

// file finds a file that was not deleted. It is called with the lock held.
func (e *emulator) file(id string) (*file, *lab.Failure) {
	f := e.state.Files[id]
	if f == nil || f.Deleted {
		return nil, absent("File", id)
	}
	return f, nil
}

// addFile makes a file whose bytes are not there yet. It is called with the
// lock held.
func (e *emulator) addFile(name, purpose, kind string, now time.Time) (*file, *lab.Failure) {
	switch {
	case name == "":
		return nil, invalid("file_name", "file_name is required")
	case !slices.Contains([]string{"fine-tune", "eval", "batch-api"}, purpose):
		return nil, invalid("purpose", "purpose must be one of fine-tune, eval, batch-api")
	case !slices.Contains([]string{"", "jsonl", "csv", "parquet"}, kind):
		return nil, invalid("file_type", "file_type must be one of jsonl, csv, parquet")
	case len(e.state.Files) >= maxFiles:
		return nil, invalid("file", "the account holds %d files already: delete some", maxFiles)
	}
	f := &file{
		ID: lab.NewID("file-"), Name: name, Purpose: purpose, Type: or(kind, "jsonl"), Created: now,
		Secret: lab.NewID(""),
	}
	e.state.Files[f.ID] = f
	return f, nil
}

// receive begins the processing of a file whose bytes are on the shelf.
func (e *emulator) receive(id string, r *http.Request) (any, *lab.Failure) {
	e.mu.Lock()
	f, refused := e.file(id)
	e.mu.Unlock()
	if refused != nil {
		return nil, refused
	}
	found, size, err := e.inspect(f)
	if errors.Is(err, lab.ErrAbsent) {
		return nil, invalid("file", "the bytes of %s have not been uploaded yet", id)
	}
	if err != nil {
		return nil, notKept(err)
	}
	target := lab.Target{Vendor: name, Method: r.Method, Path: r.URL.Path}
	if fault, bad := e.lab.TakeFault(target, lab.FaultInvalidFile); bad {
		found.Error = or(fault.Message, "Line 1: `messages[0]` must contain a `role` field")
	}
	return e.changed(func(now time.Time) (any, *lab.Failure) {
		f.Received, f.Bytes, f.Report = now, size, found
		return f.object(now), nil
	})
}

// inspect reads a file's bytes and reports what is in them.
func (e *emulator) inspect(f *file) (report, int64, error) {
	body, err := e.lab.Shelf.Open(f.ID)
	if err != nil {
		return report{}, 0, err
	}
	counted := &counter{Reader: body}
	found, err := inspect(counted, f.Purpose)
	if err == nil { // an invalid file is not read to its end
		_, err = io.Copy(io.Discard, counted)
	}
	return found, counted.n, errors.Join(err, body.Close())
}

// counter counts the bytes that are read through it.
type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

func (e *emulator) listFiles(w http.ResponseWriter, _ *http.Request) {
	e.read(w, func(now time.Time) (any, *lab.Failure) {
		list := []*file{}
		for _, f := range e.state.Files {
			if !f.Deleted {
				list = append(list, f)
			}
		}
		slices.SortFunc(list, func(a, b *file) int {
			return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
		})
		objects := make([]any, len(list))
		for i, f := range list {
			objects[i] = f.object(now)
		}
		return map[string]any{"data": objects}, nil
	})
}

func (e *emulator) getFile(w http.ResponseWriter, r *http.Request) {
	e.read(w, func(now time.Time) (any, *lab.Failure) {
		f, refused := e.file(r.PathValue("id"))
		if refused != nil {
			return nil, refused
		}
		return f.object(now), nil
	})
}

func (e *emulator) fileContent(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	f, refused := e.file(r.PathValue("id"))
	e.mu.Unlock()
	if refused != nil {
		fail(w, *refused)
		return
	}
	body, err := e.lab.Shelf.Open(f.ID)
	if err != nil {
		fail(w, *absent("File content", f.ID))
		return
	}
	defer body.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", f.Name))
	if _, err := io.Copy(w, body); err != nil { // the client sees a short answer
		panic(http.ErrAbortHandler)
	}
}

// deleteFile forgets a file; its bytes stay while a training rests on them.
func (e *emulator) deleteFile(w http.ResponseWriter, r *http.Request) {
	e.change(w, func(time.Time) (any, *lab.Failure) {
		f, refused := e.file(r.PathValue("id"))
		if refused != nil {
			return nil, refused
		}
		f.Deleted = true
		if err := e.dropUnused(f); err != nil {
			return nil, notKept(err)
		}
		return map[string]any{"id": f.ID, "deleted": true}, nil
	})
}

// dropUnused removes a deleted file that no training rests on. It is called
// with the lock held.
func (e *emulator) dropUnused(f *file) error {
	if f == nil || !f.Deleted {
		return nil
	}
	for _, t := range e.state.Tunes {
		if t.Spec.File == f.ID {
			return nil
		}
	}
	delete(e.state.Files, f.ID)
	return e.lab.Shelf.Delete(f.ID)
}
