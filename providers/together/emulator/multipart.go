package emulator

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// maxParts is how many parts a multipart upload may have.
const maxParts = 250

type initiation struct {
	Name    string `json:"file_name"`
	Size    int64  `json:"file_size"`
	Parts   int    `json:"num_parts"`
	Purpose string `json:"purpose"`
	Type    string `json:"file_type"`
}

func (e *emulator) multipartInitiate(w http.ResponseWriter, r *http.Request) {
	var ask initiation
	if err := lab.ReadJSON(r, &ask); err != nil {
		fail(w, *invalid("", "read the body: %v", err))
		return
	}
	if ask.Parts < 1 || ask.Parts > maxParts {
		fail(w, *invalid("num_parts", "num_parts must be from 1 to %d", maxParts))
		return
	}
	e.change(w, func(now time.Time) (any, *lab.Failure) {
		f, refused := e.addFile(ask.Name, ask.Purpose, ask.Type, now)
		if refused != nil {
			return nil, refused
		}
		f.Count, f.Parts = ask.Parts, map[int]string{}
		return map[string]any{"upload_id": "upload-" + f.ID, "file_id": f.ID, "parts": f.addresses(r)}, nil
	})
}

// addresses lists where each part is put.
func (f *file) addresses(r *http.Request) []any {
	list := make([]any, f.Count)
	for i := range list {
		path := signedPath + f.ID + "/" + strconv.Itoa(i+1)
		list[i] = map[string]any{
			"PartNumber": i + 1, "Headers": map[string]any{},
			"URL": address(r, path, url.Values{"sig": {f.Secret}}),
		}
	}
	return list
}

// partName is where a part is kept until all are there.
func (f *file) partName(n int) string { return fmt.Sprintf("part-%s-%d", f.ID, n) }

func (e *emulator) multipartPut(w http.ResponseWriter, r *http.Request) {
	f, refused := e.signedFile(r)
	n, err := strconv.Atoi(r.PathValue("part"))
	if refused == nil && (err != nil || n < 1 || n > f.Count) {
		refused = invalid("part_number", "the upload has parts 1 to %d", f.Count)
	}
	if refused != nil {
		fail(w, *refused)
		return
	}
	sum := sha256.New()
	if _, err := e.lab.Shelf.Put(f.partName(n), io.TeeReader(r.Body, sum)); err != nil {
		fail(w, *notKept(err))
		return
	}
	tag := hex.EncodeToString(sum.Sum(nil)[:16])
	_, refused = e.changed(func(time.Time) (any, *lab.Failure) {
		f.Parts[n] = tag
		return nil, nil
	})
	if refused != nil {
		fail(w, *refused)
		return
	}
	w.Header().Set("ETag", strconv.Quote(tag))
	w.WriteHeader(http.StatusOK)
}

type completion struct {
	Upload string `json:"upload_id"`
	File   string `json:"file_id"`
	Parts  []struct {
		Number int    `json:"part_number"`
		ETag   string `json:"etag"`
	} `json:"parts"`
}

// upload reads a request about a multipart upload and finds its file.
func (e *emulator) upload(r *http.Request) (*file, *completion, *lab.Failure) {
	var ask completion
	if err := lab.ReadJSON(r, &ask); err != nil {
		return nil, nil, invalid("", "read the body: %v", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	f, refused := e.file(ask.File)
	if refused == nil && (f.Count == 0 || ask.Upload != "upload-"+f.ID) {
		refused = absent("Upload", ask.Upload)
	}
	return f, &ask, refused
}

// complete checks that every part is there, as it was put.
func (e *emulator) complete(f *file, ask *completion) ([]string, *lab.Failure) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(ask.Parts) != f.Count {
		return nil, invalid("parts", "the upload has %d parts, %d were named", f.Count, len(ask.Parts))
	}
	names := make([]string, f.Count)
	for i, part := range ask.Parts {
		if part.Number != i+1 || f.Parts[part.Number] != strings.Trim(part.ETag, `"`) || part.ETag == "" {
			return nil, invalid("parts", "part %d is missing or has another ETag", i+1)
		}
		names[i] = f.partName(part.Number)
	}
	return names, nil
}

func (e *emulator) multipartComplete(w http.ResponseWriter, r *http.Request) {
	f, ask, refused := e.upload(r)
	var names []string
	if refused == nil {
		names, refused = e.complete(f, ask)
	}
	if refused != nil {
		fail(w, *refused)
		return
	}
	if err := e.copyBlob(f.ID, names...); err != nil {
		fail(w, *notKept(err))
		return
	}
	answer, refused := e.receive(f.ID, r)
	if refused == nil {
		refused = e.dropParts(f)
	}
	if refused != nil {
		fail(w, *refused)
		return
	}
	lab.WriteJSON(w, http.StatusOK, map[string]any{"file": answer})
}

func (e *emulator) dropParts(f *file) *lab.Failure {
	for n := range f.Count {
		if err := e.lab.Shelf.Delete(f.partName(n + 1)); err != nil {
			return notKept(err)
		}
	}
	return nil
}

func (e *emulator) multipartAbort(w http.ResponseWriter, r *http.Request) {
	f, _, refused := e.upload(r)
	if refused == nil {
		refused = e.dropParts(f)
	}
	if refused != nil {
		fail(w, *refused)
		return
	}
	e.change(w, func(time.Time) (any, *lab.Failure) {
		delete(e.state.Files, f.ID)
		return map[string]any{"file_id": f.ID, "aborted": true}, nil
	})
}
