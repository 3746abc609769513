package emulator

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// fileStatus is Together's word for where a file is.
func fileStatus(f *work.File, now time.Time) string {
	return map[work.FileState]string{
		work.FileAwaited: "PENDING", work.FileQueued: "QUEUED", work.FileChecking: "RUNNING",
		work.FileReady: "COMPLETED", work.FileInvalid: "INVALID_FORMAT",
	}[f.State(now)]
}

// files answers for uploaded files.
type files struct {
	lab    *lab.Lab
	vendor lab.Vendor
	files  *work.Files
}

func (fs *files) routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/files/upload", fs.vendor.Answer(fs.uploadForm))
	mux.HandleFunc("POST /v1/files", fs.vendor.Handle(fs.uploadSigned))
	mux.HandleFunc("PUT /v1/signed/{id}", fs.vendor.Handle(fs.putSigned))
	mux.HandleFunc("POST /v1/files/{id}/preprocess", fs.vendor.Answer(fs.preprocess))
	mux.HandleFunc("POST /v1/files/multipart/initiate", lab.Take(fs.vendor, fs.initiate))
	mux.HandleFunc("PUT /v1/signed/{id}/{part}", fs.vendor.Handle(fs.putSigned))
	mux.HandleFunc("POST /v1/files/multipart/complete", lab.Take(fs.vendor, fs.complete))
	mux.HandleFunc("POST /v1/files/multipart/abort", lab.Take(fs.vendor, fs.abort))
	mux.HandleFunc("GET /v1/files", fs.vendor.Answer(fs.list))
	mux.HandleFunc("GET /v1/files/{id}", fs.vendor.Answer(fs.get))
	mux.HandleFunc("GET /v1/files/{id}/content", fs.vendor.Handle(fs.content))
	mux.HandleFunc("DELETE /v1/files/{id}", fs.vendor.Answer(fs.delete))
}

func (fs *files) object(f work.File) any {
	now := fs.lab.Now()
	state := f.State(now)
	object := map[string]any{
		"id": f.ID, "object": "file", "created_at": f.Created.Unix(), "filename": f.Name, "bytes": f.Bytes,
		"purpose": f.Purpose, "FileType": f.Type, "LineCount": f.Report.Lines,
		"Processed": state == work.FileReady, "processing_status": fileStatus(&f, now),
	}
	if state == work.FileReady || state == work.FileInvalid {
		object["validation_report"] = reportObject(f.ID, f.Report)
	}
	return object
}

func reportObject(id string, r work.Report) map[string]any {
	object := map[string]any{
		"valid": r.Error == "", "file_id": id, "nlines": r.Lines, "dataset_format": r.Format,
		"dataset_has_message_weights": r.Weights, "dataset_has_sample_weights": false,
		"dataset_has_tools": false, "dataset_has_parallel_tool_calls": false,
		"dataset_has_reasoning": false, "dataset_is_multimodal": false,
	}
	if r.Error != "" {
		object["error_type"], object["error"] = "INVALID_FORMAT", r.Error
	}
	return object
}

// add makes a file whose bytes are to come, in parts where parts says so.
func (fs *files) add(name, purpose, kind string, parts int) (work.File, *lab.Failure) {
	switch {
	case name == "":
		return work.File{}, lab.Invalid("file_name", "file_name is required")
	case !slices.Contains([]string{"fine-tune", "eval", "batch-api"}, purpose):
		return work.File{}, lab.Invalid("purpose", "purpose must be one of fine-tune, eval, batch-api")
	case !slices.Contains([]string{"", "jsonl", "csv", "parquet"}, kind):
		return work.File{}, lab.Invalid("file_type", "file_type must be one of jsonl, csv, parquet")
	}
	return fs.files.Add(work.File{
		ID: lab.NewID("file-"), Name: name, Purpose: purpose, Type: cmp.Or(kind, "jsonl"),
		Rows: purpose == "fine-tune", Count: parts,
	})
}

// described answers with a file.
func (fs *files) described(f work.File, refused *lab.Failure) (any, *lab.Failure) {
	if refused != nil {
		return nil, refused
	}
	return fs.object(f), nil
}

func (fs *files) list(*http.Request) (any, *lab.Failure) {
	files := fs.files.List()
	slices.Reverse(files)
	return map[string]any{"data": lab.Objects(files, fs.object)}, nil
}

func (fs *files) get(r *http.Request) (any, *lab.Failure) {
	return fs.described(fs.files.File(r.PathValue("id")))
}

func (fs *files) preprocess(r *http.Request) (any, *lab.Failure) {
	return fs.described(fs.files.Receive(r, r.PathValue("id")))
}

func (fs *files) delete(r *http.Request) (any, *lab.Failure) {
	id := r.PathValue("id")
	return map[string]any{"id": id, "deleted": true}, fs.files.Delete(id)
}

func (fs *files) content(w http.ResponseWriter, r *http.Request) *lab.Failure {
	return fs.files.Send(w, r.PathValue("id"))
}
