package work

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// How long the check of a file takes, in lab time.
const (
	fileQueued  = 5 * time.Second
	fileChecked = 15 * time.Second
)

// FileState is where a file is.
type FileState string

// The states of a file, in their order.
const (
	FileAwaited  FileState = "awaited" // its bytes are not there yet
	FileQueued   FileState = "queued"
	FileChecking FileState = "checking"
	FileReady    FileState = "ready"
	FileInvalid  FileState = "invalid" // instead of ready: its report says why
)

// File is an uploaded file, or one whose bytes are awaited.
type File struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Purpose  string         `json:"purpose"`
	Type     string         `json:"type"`
	Rows     bool           `json:"rows"`             // it is to be trained on: each line is checked
	Marked   bool           `json:"marked,omitempty"` // it has to begin with the mark of byte order
	Bytes    int64          `json:"bytes"`
	Created  time.Time      `json:"created"`
	Received time.Time      `json:"received"` // when its check began; zero before
	Deleted  bool           `json:"deleted,omitempty"`
	Secret   string         `json:"secret,omitempty"` // of the addresses to which its bytes go
	Count    int            `json:"count,omitempty"`  // of the parts that it comes in
	Parts    map[int]string `json:"parts,omitempty"`  // checksums of those that are there
	Report   Report         `json:"report"`
}

// State is where the file is at a time.
func (f *File) State(now time.Time) FileState {
	passed := now.Sub(f.Received)
	switch {
	case f.Received.IsZero():
		return FileAwaited
	case passed < fileQueued:
		return FileQueued
	case passed < fileQueued+fileChecked:
		return FileChecking
	case f.Report.Error != "":
		return FileInvalid
	}
	return FileReady
}

// Files are the files of an account.
type Files struct{ *holdings }

// file finds a file that was not deleted. It is called with the lock held.
func (hs *holdings) file(id string) (*File, *lab.Failure) {
	f := hs.state.Files[id]
	if f == nil || f.Deleted {
		return nil, lab.Absent("File", id)
	}
	return f, nil
}

// File returns a file.
func (fs *Files) File(id string) (File, *lab.Failure) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f, refused := fs.file(id)
	if refused != nil {
		return File{}, refused
	}
	return *f, nil
}

// List lists the files, the oldest first.
func (fs *Files) List() []File {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	there := map[string]*File{}
	for id, f := range fs.state.Files {
		if !f.Deleted {
			there[id] = f
		}
	}
	return copies(there, func(f *File) time.Time { return f.Created }, func(f *File) string { return f.ID })
}

// Add makes a file, with the given id, whose bytes are not there yet.
func (fs *Files) Add(f File) (File, *lab.Failure) {
	refused := fs.change(func(now time.Time) *lab.Failure {
		if len(fs.state.Files) >= maxFiles {
			return lab.Invalid("file", "the account holds %d files already: delete some", maxFiles)
		}
		f.Created, f.Secret, f.Parts = now, lab.NewID(""), map[int]string{}
		made := f
		fs.state.Files[f.ID] = &made
		return nil
	})
	return f, refused
}

// Receive begins the check of a file whose bytes were put.
func (fs *Files) Receive(r *http.Request, id string) (File, *lab.Failure) {
	f, refused := fs.File(id)
	if refused != nil {
		return File{}, refused
	}
	found, size, err := fs.inspect(&f)
	if errors.Is(err, lab.ErrAbsent) {
		return File{}, lab.Invalid("file", "the bytes of %s have not been uploaded yet", id)
	}
	if err != nil {
		return File{}, lab.NotKept(err)
	}
	if fault, bad := fs.lab.TakeFault(fs.target(r, ""), lab.FaultInvalidFile); bad {
		found.Error = cmp.Or(fault.Message, "Line 1: `messages[0]` must contain a `role` field")
	}
	refused = fs.change(func(now time.Time) *lab.Failure {
		kept, refused := fs.file(id)
		if refused != nil {
			return refused
		}
		kept.Received, kept.Bytes, kept.Report = now, size, found
		f = *kept
		return nil
	})
	return f, refused
}

// Take keeps a file whose bytes came some other way, and has checked them at once.
func (fs *Files) Take(r *http.Request, f File, content io.Reader) (File, *lab.Failure) {
	made, refused := fs.Add(f)
	if refused == nil {
		refused = fs.Put(made.ID, content)
	}
	if refused == nil {
		_, refused = fs.Receive(r, made.ID)
	}
	if refused != nil {
		return File{}, refused
	}
	refused = fs.change(func(time.Time) *lab.Failure {
		kept, refused := fs.file(f.ID)
		if refused == nil {
			kept.Received = kept.Received.Add(-fileQueued - fileChecked)
			made = *kept
		}
		return refused
	})
	return made, refused
}

// inspect reads a file's bytes and reports what is in them.
func (fs *Files) inspect(f *File) (Report, int64, error) {
	body, err := fs.lab.Shelf.Open(f.ID)
	if err != nil {
		return Report{}, 0, err
	}
	counted := &counter{Reader: body}
	var found Report
	if f.Rows {
		found, err = f.check(counted)
	}
	if err == nil { // an invalid file is not read to its end
		_, err = io.Copy(io.Discard, counted)
	}
	return found, counted.n, errors.Join(err, body.Close())
}

// Mark is the mark of byte order.
const Mark = "\xef\xbb\xbf"

// check checks the rows of a file.
func (f *File) check(r io.Reader) (Report, error) {
	rows, marked := unmarked(r)
	if marked != f.Marked {
		return Report{Error: "Line 1: the mark of byte order is wrong here"}, nil
	}
	return inspect(rows)
}

// unmarked reads what stands behind a mark of byte order, and tells whether there is one.
func unmarked(r io.Reader) (io.Reader, bool) {
	rows := bufio.NewReader(r)
	begin, err := rows.Peek(len(Mark))
	if err != nil || string(begin) != Mark {
		return rows, false
	}
	_, err = rows.Discard(len(Mark))
	return rows, err == nil
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

// Send answers with a file's bytes.
func (fs *Files) Send(w http.ResponseWriter, id string) *lab.Failure {
	f, refused := fs.File(id)
	if refused != nil {
		return refused
	}
	body, err := fs.lab.Shelf.Open(id)
	if err != nil {
		return lab.Absent("File content", id)
	}
	defer body.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", f.Name))
	if _, err := io.Copy(w, body); err != nil { // the client sees a short answer
		panic(http.ErrAbortHandler)
	}
	return nil
}

// Delete forgets a file; its bytes stay while a training rests on them.
func (fs *Files) Delete(id string) *lab.Failure {
	return fs.change(func(time.Time) *lab.Failure {
		f, refused := fs.file(id)
		if refused != nil {
			return refused
		}
		f.Deleted = true
		return fs.dropUnused(f)
	})
}

// dropUnused removes a deleted file that no training rests on. It is called
// with the lock held.
func (hs *holdings) dropUnused(f *File) *lab.Failure {
	if f == nil || !f.Deleted {
		return nil
	}
	for _, t := range hs.state.Trainings {
		if t.File == f.ID {
			return nil
		}
	}
	delete(hs.state.Files, f.ID)
	if err := hs.lab.Shelf.Delete(f.ID); err != nil {
		return lab.NotKept(err)
	}
	return nil
}
