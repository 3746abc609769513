// Package dress is the wire dress of files and batches in OpenAI's form, which several
// vendors share (https://platform.openai.com/docs/api-reference/batch). What a vendor
// does differently its emulator states in [Batches], or writes itself of the same parts.
//
// What files and batches do is in sandbox/work.
package dress

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// Batches answers for files and batches.
type Batches struct {
	Lab     *lab.Lab
	Vendor  lab.Vendor
	Account *work.Account
	Base    string // of the routes: "/openai/v1"
	Route   string // that the lines of a batch ask for
	Prefix  string // of the ids of the lines of answers
	Percent int64  // of the live price
	// Windows are the vendor's words. Defaults to "24h" alone.
	Windows []string
	// Aliases are other words for Route, of which a vendor's pages use several.
	Aliases []string
	// Line reads the lines of a batch for a route. Defaults to [Line].
	Line func(route string) work.ParseLine
	// Rows completes a file of training rows, which has the purpose fine-tune. Defaults to
	// refusing that purpose.
	Rows func(*work.File)
	// Purposes are others that files are taken for, as they are. Default to none.
	Purposes []string
	// Mend puts the object of a batch into the vendor's own form. Defaults to OpenAI's.
	Mend func(state work.BatchState, object map[string]any)
	// Billed returns the model that payments for one go by. Defaults to itself.
	Billed func(id string) string
	// Model finds the model that all lines of a batch have to name.
	Model func(id string) *lab.Failure
	// Answer answers a line as a live call.
	Answer func(line json.RawMessage) (work.BatchSaid, *lab.Failure)
	// Error makes the object of an error.
	Error func(lab.Failure) any
}

// Handle adds the routes of files and batches.
func (bs *Batches) Handle(mux *http.ServeMux) {
	bs.Account.Batches.Dress(work.Dressing{Line: Result(bs.Prefix, bs.Error)})
	mux.HandleFunc("POST "+bs.Base+"/files", bs.Vendor.Answer(bs.upload))
	mux.HandleFunc("GET "+bs.Base+"/files", bs.Vendor.Answer(bs.files))
	mux.HandleFunc("GET "+bs.Base+"/files/{id}", bs.Vendor.Answer(bs.file))
	mux.HandleFunc("DELETE "+bs.Base+"/files/{id}", bs.Vendor.Answer(bs.deleteFile))
	mux.HandleFunc("GET "+bs.Base+"/files/{id}/content", bs.Vendor.Handle(bs.content))
	mux.HandleFunc("POST "+bs.Base+"/batches", lab.Take(bs.Vendor, bs.create))
	mux.HandleFunc("GET "+bs.Base+"/batches", bs.Vendor.Answer(bs.list))
	mux.HandleFunc("GET "+bs.Base+"/batches/{id}", bs.Vendor.Answer(bs.get))
	mux.HandleFunc("POST "+bs.Base+"/batches/{id}/cancel", bs.Vendor.Answer(bs.cancel))
}

// fileObject is OpenAI's file, whose rows are checked where it is to be trained on.
func (bs *Batches) fileObject(f work.File) any {
	object := map[string]any{
		"id": f.ID, "object": "file", "bytes": f.Bytes, "created_at": f.Created.Unix(), "filename": f.Name,
		"purpose": f.Purpose, "status": "processed",
	}
	if f.Rows {
		object["status"] = map[work.FileState]string{
			work.FileAwaited: "pending", work.FileQueued: "pending", work.FileChecking: "running",
			work.FileReady: "processed", work.FileInvalid: "error",
		}[f.State(bs.Lab.Now())]
	}
	return object
}

// purposed makes a file for a purpose.
func (bs *Batches) purposed(purpose, name string) (work.File, *lab.Failure) {
	f := work.File{ID: lab.NewID("file-"), Name: name, Purpose: purpose, Type: "jsonl"}
	switch {
	case purpose == "batch", slices.Contains(bs.Purposes, purpose):
	case purpose == "fine-tune" && bs.Rows != nil:
		f.Rows = true
		bs.Rows(&f)
	default:
		return f, lab.Invalid("purpose", "'purpose' : value must be one of [batch]")
	}
	return bs.Account.Files.Add(f)
}

func (bs *Batches) upload(r *http.Request) (any, *lab.Failure) {
	f, refused := bs.Account.Files.Form(r, func(fields map[string]string) (work.File, *lab.Failure) {
		return bs.purposed(fields["purpose"], fields["file"])
	})
	if refused != nil {
		return nil, refused
	}
	return bs.fileObject(f), nil
}

func (bs *Batches) files(*http.Request) (any, *lab.Failure) {
	files := bs.Account.Files.List()
	slices.Reverse(files)
	return map[string]any{"object": "list", "data": lab.Objects(files, bs.fileObject)}, nil
}

func (bs *Batches) file(r *http.Request) (any, *lab.Failure) {
	f, refused := bs.Account.Files.File(r.PathValue("id"))
	if refused != nil {
		return nil, refused
	}
	return bs.fileObject(f), nil
}

func (bs *Batches) deleteFile(r *http.Request) (any, *lab.Failure) {
	id := r.PathValue("id")
	return map[string]any{"id": id, "object": "file", "deleted": true}, bs.Account.Files.Delete(id)
}

func (bs *Batches) content(w http.ResponseWriter, r *http.Request) *lab.Failure {
	return bs.Account.Files.Send(w, r.PathValue("id"))
}

// asked is what a batch is made of.
type asked struct {
	File     string            `json:"input_file_id"`
	Endpoint string            `json:"endpoint"`
	Window   string            `json:"completion_window"`
	Metadata map[string]string `json:"metadata"`
}

func (bs *Batches) create(r *http.Request, ask *asked) (any, *lab.Failure) {
	windows := bs.Windows
	if len(windows) == 0 {
		windows = []string{"24h"}
	}
	switch {
	case ask.Endpoint != bs.Route && !slices.Contains(bs.Aliases, ask.Endpoint):
		return nil, lab.Invalid("endpoint", "the endpoint %q takes no batches: use %s", ask.Endpoint, bs.Route)
	case !slices.Contains(windows, ask.Window):
		return nil, lab.Invalid("completion_window", "the window %q is none of %v", ask.Window, windows)
	}
	parse := Line
	if bs.Line != nil {
		parse = bs.Line
	}
	lines, faults, refused := bs.Account.Batches.Lines(ask.File, parse(ask.Endpoint))
	if refused != nil {
		return nil, refused
	}
	model, fault := bs.model(lines)
	if fault != nil {
		faults = append(faults, *fault)
	}
	if bs.Billed != nil {
		model = bs.Billed(model)
	}
	request, err := json.Marshal(ask)
	if err != nil { // what was read as JSON is JSON again
		panic(err)
	}
	b, refused := bs.Account.Batches.Order(r, work.BatchOrder{
		Batch: work.Batch{
			ID: lab.NewID("batch_"), Name: ask.Metadata["name"], Model: model, File: ask.File, Percent: bs.Percent,
			Window: duration(ask.Window), Request: request,
		},
		Requests: lines, Faults: faults, Answer: bs.Answer,
	})
	if refused != nil {
		return nil, refused
	}
	return bs.object(b), nil
}

// model is the one that all lines name.
func (bs *Batches) model(lines []work.BatchLine) (string, *work.BatchFault) {
	model := ""
	for i, line := range lines {
		var named struct{ Model string }
		if json.Unmarshal(line.Body, &named) != nil || i > 0 && named.Model != model {
			return model, &work.BatchFault{
				Code: "model_mismatch", Message: "All lines must name the same model.", Param: "body.model", Line: i + 1,
			}
		}
		model = named.Model
	}
	if refused := bs.Model(model); refused != nil && len(lines) > 0 {
		return model, &work.BatchFault{Code: "model_not_found", Message: refused.Message, Param: "body.model", Line: 1}
	}
	return model, nil
}

// duration reads a window: "24h" or "7d".
func duration(window string) time.Duration {
	if n := len(window) - 1; n > 0 && window[n] == 'd' {
		if days, err := strconv.Atoi(window[:n]); err == nil {
			return time.Duration(days) * 24 * time.Hour
		}
	}
	span, err := time.ParseDuration(window)
	if err != nil { // the windows are the emulator's own words
		panic(err)
	}
	return span
}

func (bs *Batches) object(b work.Batch) any {
	var ask asked
	if err := json.Unmarshal(b.Request, &ask); err != nil { // it was written by create
		panic(err)
	}
	object := Object(b, bs.Lab.Now())
	object["endpoint"], object["completion_window"], object["metadata"] = ask.Endpoint, ask.Window, ask.Metadata
	if bs.Mend != nil {
		bs.Mend(b.State(bs.Lab.Now()), object)
	}
	return object
}

func (bs *Batches) get(r *http.Request) (any, *lab.Failure) {
	return bs.described(bs.Account.Batches.Batch(r.PathValue("id")))
}

func (bs *Batches) described(b work.Batch, refused *lab.Failure) (any, *lab.Failure) {
	if refused != nil {
		return nil, refused
	}
	return bs.object(b), nil
}

func (bs *Batches) cancel(r *http.Request) (any, *lab.Failure) {
	return bs.described(bs.Account.Batches.Cancel(r.PathValue("id")))
}

func (bs *Batches) list(*http.Request) (any, *lab.Failure) {
	batches, refused := bs.Account.Batches.List()
	if refused != nil {
		return nil, refused
	}
	slices.Reverse(batches)
	return map[string]any{"object": "list", "data": lab.Objects(batches, bs.object)}, nil
}
