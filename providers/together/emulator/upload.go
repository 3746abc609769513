package emulator

import (
	"crypto/subtle"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
)

const signedPath = "/v1/signed/"

// maxField bounds a field of a form, in bytes.
const maxField = 64 << 10

// signed tells which requests carry their permission in their address.
func signed(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, signedPath) }

// address makes an absolute address of this server for a path, below whatever
// prefix the program serves the emulator.
func address(r *http.Request, path string, query url.Values) string {
	u := url.URL{Scheme: "http", Host: r.Host, RawQuery: query.Encode()}
	if r.TLS != nil {
		u.Scheme = "https"
	}
	u.Path = path
	if asked, err := url.ParseRequestURI(r.RequestURI); err == nil {
		u.Path = strings.TrimSuffix(asked.Path, r.URL.Path) + path
	}
	return u.String()
}

// uploadForm takes a file in one multipart form.
func (e *emulator) uploadForm(w http.ResponseWriter, r *http.Request) {
	form, err := r.MultipartReader()
	if err != nil {
		fail(w, *invalid("file", "the body must be multipart/form-data: %v", err))
		return
	}
	id := lab.NewID("part-")
	fields, refused := e.readForm(form, id)
	var answer any
	if refused == nil {
		answer, refused = e.adoptForm(r, fields, id)
	}
	if err := e.lab.Shelf.Delete(id); err != nil && refused == nil {
		refused = notKept(err)
	}
	if refused != nil {
		fail(w, *refused)
		return
	}
	lab.WriteJSON(w, http.StatusOK, answer)
}

// readForm reads a form's fields, and puts its file on the shelf.
func (e *emulator) readForm(form *multipart.Reader, id string) (map[string]string, *lab.Failure) {
	fields := map[string]string{}
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			return fields, nil
		}
		if err != nil {
			return nil, invalid("file", "read the form: %v", err)
		}
		if part.FormName() == "file" {
			if _, err := e.lab.Shelf.Put(id, part); err != nil {
				return nil, notKept(err)
			}
			fields["file"] = part.FileName()
			continue
		}
		data, err := io.ReadAll(io.LimitReader(part, maxField))
		if err != nil {
			return nil, invalid(part.FormName(), "read the form: %v", err)
		}
		fields[part.FormName()] = string(data)
	}
}

// adoptForm makes the file of a form.
func (e *emulator) adoptForm(r *http.Request, fields map[string]string, id string) (any, *lab.Failure) {
	if _, found := fields["file"]; !found {
		return nil, invalid("file", "file is required")
	}
	made, refused := e.changed(func(now time.Time) (any, *lab.Failure) {
		return e.addFile(fields["file_name"], fields["purpose"], fields["file_type"], now)
	})
	if refused != nil {
		return nil, refused
	}
	f := made.(*file)
	if err := e.copyBlob(f.ID, id); err != nil {
		return nil, notKept(err)
	}
	return e.receive(f.ID, r)
}

// copyBlob joins what is kept under some names under another.
func (e *emulator) copyBlob(to string, from ...string) error {
	readers := make([]io.Reader, 0, len(from))
	for _, name := range from {
		body, err := e.lab.Shelf.Open(name)
		if err != nil {
			return err
		}
		defer body.Close()
		readers = append(readers, body)
	}
	_, err := e.lab.Shelf.Put(to, io.MultiReader(readers...))
	return err
}

// uploadSigned answers where to put a file's bytes.
func (e *emulator) uploadSigned(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxField)
	fields := func(name string) string { return r.FormValue(name) } // of the query or of a form
	made, refused := e.changed(func(now time.Time) (any, *lab.Failure) {
		return e.addFile(fields("file_name"), fields("purpose"), fields("file_type"), now)
	})
	if refused != nil {
		fail(w, *refused)
		return
	}
	f := made.(*file)
	w.Header().Set("X-Together-File-Id", f.ID)
	w.Header().Set("Location", address(r, signedPath+f.ID, url.Values{"sig": {f.Secret}}))
	w.WriteHeader(http.StatusFound)
}

// signedFile finds the file that a signed address is for.
func (e *emulator) signedFile(r *http.Request) (*file, *lab.Failure) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f, refused := e.file(r.PathValue("id"))
	if refused != nil {
		return nil, refused
	}
	if subtle.ConstantTimeCompare([]byte(r.URL.Query().Get("sig")), []byte(f.Secret)) != 1 {
		return nil, &lab.Failure{Status: http.StatusForbidden, Message: "SignatureDoesNotMatch"}
	}
	if !f.Received.IsZero() {
		return nil, conflict("the file is uploaded already")
	}
	return f, nil
}

func (e *emulator) putSigned(w http.ResponseWriter, r *http.Request) {
	f, refused := e.signedFile(r)
	if refused != nil {
		fail(w, *refused)
		return
	}
	if _, err := e.lab.Shelf.Put(f.ID, r.Body); err != nil {
		fail(w, *notKept(err))
		return
	}
	w.Header().Set("ETag", fmt.Sprintf("%q", f.ID))
	w.WriteHeader(http.StatusOK)
}

func (e *emulator) preprocess(w http.ResponseWriter, r *http.Request) {
	answer, refused := e.receive(r.PathValue("id"), r)
	if refused != nil {
		fail(w, *refused)
		return
	}
	lab.WriteJSON(w, http.StatusOK, answer)
}
