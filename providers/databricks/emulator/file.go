package emulator

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"dreamlab/providers/sandbox/lab"
)

// volume is the one volume that there is, schema the one of its models.
const (
	volume = "Volumes/dreamlab/tuning/files/"
	schema = "dreamlab.tuning."
)

// files are the routes of the Files API and so much of the workspace's as takes commands
// (https://docs.databricks.com/api/workspace/files, …/workspace/import).
func (e *emulator) files(mux *http.ServeMux) {
	const below = "/api/2.0/fs/files/{path...}"
	mux.HandleFunc("PUT "+below, e.vendor.Handle(e.putFile))
	mux.HandleFunc("GET "+below, e.vendor.Handle(e.getFile)) // and HEAD
	mux.HandleFunc("DELETE "+below, e.vendor.Handle(e.deleteFile))
	mux.HandleFunc("POST /api/2.0/workspace/mkdirs", lab.Take(e.vendor, e.makeFolder))
	mux.HandleFunc("POST /api/2.0/workspace/import", lab.Take(e.vendor, e.importFile))
}

// placed refuses what is not in the volume.
func placed(path string) *lab.Failure {
	if strings.HasPrefix(path, volume) && !strings.Contains(path, "..") {
		return nil
	}
	return absent("Volume of '/%s' does not exist.", path)
}

func (e *emulator) putFile(w http.ResponseWriter, r *http.Request) *lab.Failure {
	path := r.PathValue("path")
	if refused := placed(path); refused != nil {
		return refused
	}
	if len(e.bucket.List(path)) > 0 && r.URL.Query().Get("overwrite") != "true" {
		return &lab.Failure{Status: http.StatusConflict, Code: "ALREADY_EXISTS", Message: "The file being created already exists."}
	}
	if _, err := e.bucket.Put(path, r.Body); err != nil {
		return lab.NotKept(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (e *emulator) getFile(w http.ResponseWriter, r *http.Request) *lab.Failure {
	path := r.PathValue("path")
	if refused := placed(path); refused != nil {
		return refused
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if told, found := e.told(path); found {
		if _, err := w.Write(told); err != nil {
			panic(http.ErrAbortHandler) // the client has left
		}
		return nil
	}
	for _, o := range e.bucket.List(path) {
		if o.Name == path {
			w.Header().Set("Content-Length", strconv.FormatInt(o.Size, 10))
			return e.send(w, r, path)
		}
	}
	return noFile(w, path)
}

func noFile(w http.ResponseWriter, path string) *lab.Failure {
	w.Header().Del("Content-Length")
	return &lab.Failure{Status: http.StatusNotFound, Code: "NOT_FOUND", Message: "The file being accessed is not found: /" + path}
}

func (e *emulator) send(w http.ResponseWriter, r *http.Request, path string) *lab.Failure {
	if r.Method == http.MethodHead {
		return nil
	}
	content, err := e.bucket.Open(path)
	if errors.Is(err, lab.ErrAbsent) {
		return noFile(w, path)
	}
	if err != nil {
		return lab.NotKept(err)
	}
	defer content.Close()
	if _, err := io.Copy(w, content); err != nil {
		panic(http.ErrAbortHandler) // the client has left
	}
	return nil
}

func (e *emulator) deleteFile(w http.ResponseWriter, r *http.Request) *lab.Failure {
	path := r.PathValue("path")
	if refused := placed(path); refused != nil {
		return refused
	}
	err := e.bucket.Delete(path)
	if errors.Is(err, lab.ErrAbsent) {
		return noFile(w, path)
	}
	if err != nil {
		return lab.NotKept(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// inWorkspace is the form of a path of the workspace.
func inWorkspace(path string) bool {
	return strings.HasPrefix(path, "/Workspace/") && !strings.Contains(path, "..")
}

func (e *emulator) makeFolder(_ *http.Request, asked *struct {
	Path string `json:"path"`
}) (any, *lab.Failure) {
	if !inWorkspace(asked.Path) {
		return nil, lab.Invalid("", "Path (%s) doesn't start with '/Workspace'", asked.Path)
	}
	return map[string]any{}, nil
}

func (e *emulator) importFile(_ *http.Request, asked *struct {
	Path      string `json:"path"`
	Format    string `json:"format"`
	Content   string `json:"content"`
	Overwrite bool   `json:"overwrite"`
}) (any, *lab.Failure) {
	content, err := base64.StdEncoding.DecodeString(asked.Content)
	switch {
	case !inWorkspace(asked.Path):
		return nil, lab.Invalid("", "Path (%s) doesn't start with '/Workspace'", asked.Path)
	case asked.Format != "RAW" && asked.Format != "AUTO":
		return nil, lab.Invalid("", "The format %s is not one for files.", asked.Format)
	case err != nil:
		return nil, lab.Invalid("", "The content is not in base64.")
	case !asked.Overwrite && len(e.bucket.List(asked.Path)) > 0:
		return nil, &lab.Failure{Status: http.StatusBadRequest, Code: "RESOURCE_ALREADY_EXISTS",
			Message: "Path (" + asked.Path + ") already exists."}
	}
	if _, err := e.bucket.Put(asked.Path, strings.NewReader(string(content))); err != nil {
		return nil, lab.NotKept(err)
	}
	return map[string]any{}, nil
}
