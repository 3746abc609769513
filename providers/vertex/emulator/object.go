package emulator

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// bucket is the one bucket that there is, for the files of batches.
const bucket = "dreamlab-batches"

// objects are the routes of Cloud Storage that batches need
// (https://cloud.google.com/storage/docs/json_api/v1/objects).
func (e *emulator) objects(mux *http.ServeMux) {
	plain := e.gemini.Vendor
	mux.HandleFunc("POST /upload/storage/v1/b/{bucket}/o", plain.Answer(e.upload))
	mux.HandleFunc("GET /storage/v1/b/{bucket}/o", plain.Answer(e.list))
	mux.HandleFunc("GET /storage/v1/b/{bucket}/o/{object...}", plain.Handle(e.download))
	mux.HandleFunc("DELETE /storage/v1/b/{bucket}/o/{object...}", plain.Handle(
		func(w http.ResponseWriter, r *http.Request) *lab.Failure { return remove(e, w, r) }))
}

// ours refuses another bucket, and brings the batches, which write into it, up to date.
func (e *emulator) ours(r *http.Request) *lab.Failure {
	if r.PathValue("bucket") != bucket {
		return &lab.Failure{Status: http.StatusNotFound, Message: "The specified bucket does not exist."}
	}
	return e.account.Batches.Settle()
}

func (e *emulator) upload(r *http.Request) (any, *lab.Failure) {
	if refused := e.ours(r); refused != nil {
		return nil, refused
	}
	query := r.URL.Query()
	if query.Get("uploadType") != "media" || query.Get("name") == "" {
		return nil, lab.Invalid("", "Required: name, and uploadType=media")
	}
	made, err := e.bucket.Put(query.Get("name"), r.Body)
	if err != nil {
		return nil, lab.NotKept(err)
	}
	return objectOf(made), nil
}

func (e *emulator) list(r *http.Request) (any, *lab.Failure) {
	if refused := e.ours(r); refused != nil {
		return nil, refused
	}
	listed := e.bucket.List(r.URL.Query().Get("prefix"))
	return map[string]any{"kind": "storage#objects", "items": lab.Objects(listed, objectOf)}, nil
}

func objectOf(o lab.Object) any {
	return map[string]any{
		"kind": "storage#object", "name": o.Name, "bucket": bucket, "size": fmt.Sprint(o.Size),
		"timeCreated": o.Created.Format(time.RFC3339Nano), "contentType": "application/octet-stream",
	}
}

func (e *emulator) download(w http.ResponseWriter, r *http.Request) *lab.Failure {
	if refused := e.ours(r); refused != nil {
		return refused
	}
	content, err := e.bucket.Open(r.PathValue("object"))
	if errors.Is(err, lab.ErrAbsent) {
		return &lab.Failure{Status: http.StatusNotFound, Message: "No such object: " + r.PathValue("object")}
	}
	if err != nil {
		return lab.NotKept(err)
	}
	defer content.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	if _, err := io.Copy(w, content); err != nil {
		panic(http.ErrAbortHandler) // the client has left
	}
	return nil
}

func remove(e *emulator, w http.ResponseWriter, r *http.Request) *lab.Failure {
	if refused := e.ours(r); refused != nil {
		return refused
	}
	err := e.bucket.Delete(r.PathValue("object"))
	if errors.Is(err, lab.ErrAbsent) {
		return &lab.Failure{Status: http.StatusNotFound, Message: "No such object: " + r.PathValue("object")}
	}
	if err != nil {
		return lab.NotKept(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
