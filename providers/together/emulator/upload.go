package emulator

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

const signedPath = "/v1/signed/"

// maxForm bounds the fields of a request for a signed address, in bytes.
const maxForm = 64 << 10

// maxParts is how many parts a multipart upload may have.
const maxParts = 250

// signed tells which requests carry their permission in their address.
func signed(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, signedPath) }

// address is where a file's bytes are put, or those of a part of it.
func address(r *http.Request, f work.File, part string) string {
	return lab.Address(r, signedPath+f.ID+part, url.Values{"sig": {f.Secret}})
}

func (fs *files) uploadForm(r *http.Request) (any, *lab.Failure) {
	return fs.described(fs.files.Form(r, func(fields map[string]string) (work.File, *lab.Failure) {
		return fs.add(fields["file_name"], fields["purpose"], fields["file_type"], 0)
	}))
}

// uploadSigned answers where to put a file's bytes.
func (fs *files) uploadSigned(w http.ResponseWriter, r *http.Request) *lab.Failure {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	f, refused := fs.add(r.FormValue("file_name"), r.FormValue("purpose"), r.FormValue("file_type"), 0)
	if refused != nil {
		return refused
	}
	w.Header().Set("X-Together-File-Id", f.ID)
	w.Header().Set("Location", address(r, f, ""))
	w.WriteHeader(http.StatusFound)
	return nil
}

// putSigned takes a file's bytes, or those of a part, and answers as a bucket does.
func (fs *files) putSigned(w http.ResponseWriter, r *http.Request) *lab.Failure {
	f, refused := fs.files.Signed(r.PathValue("id"), r.URL.Query().Get("sig"))
	tag := f.ID
	switch part := r.PathValue("part"); {
	case refused != nil:
	case part == "":
		refused = fs.files.Put(f.ID, r.Body)
	default:
		tag, refused = fs.files.PutPart(f, lab.Between(part, 1, maxParts, 0), r.Body)
	}
	if refused == nil {
		w.Header().Set("ETag", strconv.Quote(tag))
		w.WriteHeader(http.StatusOK)
	}
	return refused
}

type initiation struct {
	Name    string `json:"file_name"`
	Parts   int    `json:"num_parts"`
	Purpose string `json:"purpose"`
	Type    string `json:"file_type"`
}

func (fs *files) initiate(r *http.Request, ask *initiation) (any, *lab.Failure) {
	if ask.Parts < 1 || ask.Parts > maxParts {
		return nil, lab.Invalid("num_parts", "num_parts must be from 1 to %d", maxParts)
	}
	f, refused := fs.add(ask.Name, ask.Purpose, ask.Type, ask.Parts)
	if refused != nil {
		return nil, refused
	}
	parts := make([]any, f.Count)
	for i := range parts {
		parts[i] = map[string]any{
			"PartNumber": i + 1, "Headers": map[string]any{},
			"URL": address(r, f, "/"+strconv.Itoa(i+1)),
		}
	}
	return map[string]any{"upload_id": uploadID(f), "file_id": f.ID, "parts": parts}, nil
}

func uploadID(f work.File) string { return "upload-" + f.ID }

type completion struct {
	Upload string `json:"upload_id"`
	File   string `json:"file_id"`
	Parts  []struct {
		Number int    `json:"part_number"`
		ETag   string `json:"etag"`
	} `json:"parts"`
}

// upload finds the file of a multipart upload.
func (fs *files) upload(ask *completion) (work.File, *lab.Failure) {
	f, refused := fs.files.File(ask.File)
	if refused == nil && (f.Count == 0 || ask.Upload != uploadID(f)) {
		refused = lab.Absent("Upload", ask.Upload)
	}
	return f, refused
}

func (fs *files) complete(r *http.Request, ask *completion) (any, *lab.Failure) {
	f, refused := fs.upload(ask)
	if refused != nil {
		return nil, refused
	}
	tags := make([]string, len(ask.Parts))
	for i, part := range ask.Parts {
		if part.Number != i+1 {
			return nil, lab.Invalid("parts", "part %d is missing", i+1)
		}
		tags[i] = strings.Trim(part.ETag, `"`)
	}
	object, refused := fs.described(fs.files.Join(r, f.ID, tags))
	return map[string]any{"file": object}, refused
}

func (fs *files) abort(_ *http.Request, ask *completion) (any, *lab.Failure) {
	f, refused := fs.upload(ask)
	if refused != nil {
		return nil, refused
	}
	return map[string]any{"file_id": f.ID, "aborted": true}, fs.files.Abort(f)
}
