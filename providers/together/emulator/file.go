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

func (e *emulator) fileObject(f work.File) any {
	now := e.lab.Now()
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

// addFile makes a file whose bytes are to come, in parts where parts says so.
func (e *emulator) addFile(name, purpose, kind string, parts int) (work.File, *lab.Failure) {
	switch {
	case name == "":
		return work.File{}, lab.Invalid("file_name", "file_name is required")
	case !slices.Contains([]string{"fine-tune", "eval", "batch-api"}, purpose):
		return work.File{}, lab.Invalid("purpose", "purpose must be one of fine-tune, eval, batch-api")
	case !slices.Contains([]string{"", "jsonl", "csv", "parquet"}, kind):
		return work.File{}, lab.Invalid("file_type", "file_type must be one of jsonl, csv, parquet")
	}
	return e.account.AddFile(work.File{
		ID: lab.NewID("file-"), Name: name, Purpose: purpose, Type: cmp.Or(kind, "jsonl"),
		Rows: purpose == "fine-tune", Count: parts,
	})
}

// described answers with a file.
func (e *emulator) described(f work.File, refused *lab.Failure) (any, *lab.Failure) {
	if refused != nil {
		return nil, refused
	}
	return e.fileObject(f), nil
}

func (e *emulator) listFiles(*http.Request) (any, *lab.Failure) {
	files := e.account.Files()
	slices.Reverse(files)
	return map[string]any{"data": lab.Objects(files, e.fileObject)}, nil
}

func (e *emulator) getFile(r *http.Request) (any, *lab.Failure) {
	return e.described(e.account.File(r.PathValue("id")))
}

func (e *emulator) preprocess(r *http.Request) (any, *lab.Failure) {
	return e.described(e.account.Receive(r, r.PathValue("id")))
}

func (e *emulator) deleteFile(r *http.Request) (any, *lab.Failure) {
	id := r.PathValue("id")
	return map[string]any{"id": id, "deleted": true}, e.account.DeleteFile(id)
}

func (e *emulator) fileContent(w http.ResponseWriter, r *http.Request) *lab.Failure {
	return e.account.Send(w, r.PathValue("id"))
}
