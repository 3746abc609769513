package api

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"mime/multipart"
	"net/http"
	"strings"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

type files struct {
	store   *store.Store
	objects objects
}

// fileView is OpenAI's file object
// (https://platform.openai.com/docs/api-reference/files/object).
type fileView struct {
	ID        string   `json:"id"`
	Object    string   `json:"object"`
	Bytes     int64    `json:"bytes"`
	CreatedAt *int64   `json:"created_at"`
	Filename  string   `json:"filename"`
	Purpose   string   `json:"purpose"`
	Status    string   `json:"status"`
	Ours      fileOurs `json:"dreamlab"`
}

type fileOurs struct {
	SHA256 string `json:"sha256"`
}

func viewFile(f learn.File) fileView {
	return fileView{
		ID: f.ID, Object: "file", Bytes: f.Bytes, CreatedAt: wire.Seconds(f.Created), Filename: f.Filename,
		Purpose: f.Purpose, Status: "processed", Ours: fileOurs{SHA256: f.SHA256},
	}
}

// measured passes bytes on and notes their number and hash.
type measured struct {
	from  io.Reader
	bytes int64
	hash  hash.Hash
}

func (m *measured) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	m.bytes += int64(n)
	m.hash.Write(p[:n])
	if err != nil && err != io.EOF {
		err = wire.ReadFault(err)
	}
	return n, err
}

// create keeps an upload. The parts may come in any order; the file is
// streamed to the bucket, and dropped again where the rest is wrong.
func (h files) create(w http.ResponseWriter, c *wire.Call) error {
	key, err := gate.IdemKey(c)
	if err != nil {
		return err
	}
	form, err := c.MultipartReader()
	if err != nil {
		return wire.WrongType(c.Request, "multipart/form-data with the parts purpose and file")
	}
	f := learn.File{ID: db.NewID("file-"), Tenant: c.Tenant, IdemKey: key}
	f.Object = blob.FileObject(f.ID)
	if err := h.readForm(c, form, &f); err != nil {
		if f.SHA256 != "" {
			h.objects.drop(c, f.Object)
		}
		return err
	}
	kept, err := h.keep(c, f)
	h.objects.settle(c, f.Object, err == nil && kept.ID == f.ID, err)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, viewFile(kept))
}

// readForm reads every part, and fails on those that it does not know.
func (h files) readForm(c *wire.Call, form *multipart.Reader, f *learn.File) error {
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			return checkForm(*f)
		}
		if err != nil {
			return wire.ReadFault(err)
		}
		if err := h.readPart(c, part, f); err != nil {
			return err
		}
	}
}

// maxPurpose bounds the field purpose of an upload, in bytes. The known ones are shorter.
const maxPurpose = 64

func (h files) readPart(c *wire.Call, part *multipart.Part, f *learn.File) error {
	switch part.FormName() {
	case "purpose":
		text, err := io.ReadAll(io.LimitReader(part, maxPurpose))
		if err != nil {
			return wire.ReadFault(err)
		}
		f.Purpose = string(text)
		return nil
	case "file":
		if f.SHA256 != "" {
			return wire.Invalid("file", "There are two files in the form: send one at a time.")
		}
		m := &measured{from: part, hash: sha256.New()}
		if err := h.objects.bucket.Create(c.Context(), f.Object, m); err != nil {
			return uploadFault(err)
		}
		f.Filename, f.Bytes, f.SHA256 = tidyName(part.FileName()), m.bytes, hex.EncodeToString(m.hash.Sum(nil))
		return nil
	}
	return wire.Invalid(part.FormName(), "There is no part %.60q here: send purpose and file.", part.FormName())
}

func tidyName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == '\uFFFD' {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	if name == "" {
		return "upload.jsonl"
	}
	return name
}

func checkForm(f learn.File) error {
	switch {
	case f.SHA256 == "":
		return wire.Invalid("file", "The form has no part named file: send one.")
	case f.Bytes == 0:
		return wire.Invalid("file", "The file is empty: send JSONL, one training row or request a line.")
	case f.Purpose != "fine-tune" && f.Purpose != "batch":
		return wire.Invalid("purpose", "purpose is %q: those that are taken are fine-tune and batch.", f.Purpose)
	}
	return nil
}

// keep writes the row, or finds the file that the same key brought before.
func (h files) keep(c *wire.Call, f learn.File) (learn.File, error) {
	if f.IdemKey != "" {
		known, err := h.store.FileByKey(c.Context(), f.Tenant, f.IdemKey)
		if err == nil {
			return known, same(f, known)
		}
		if !errors.Is(err, db.ErrNotFound) {
			return known, err
		}
	}
	kept, err := h.store.AddFile(c.Context(), f)
	if errors.Is(err, db.ErrConflict) { // another with the same key came first
		known, err := h.store.FileByKey(c.Context(), f.Tenant, f.IdemKey)
		if err != nil {
			return known, err
		}
		return known, same(f, known)
	}
	return kept, err
}

// same refuses a key that came with another file before.
func same(sent, known learn.File) error {
	if sent.SHA256 == known.SHA256 && sent.Purpose == known.Purpose {
		return nil
	}
	return &wire.Fault{
		Status: http.StatusConflict, Code: "idempotency_conflict",
		Message: "This Idempotency-Key came with another file before: take a new key for a new file.",
	}
}

// purposes are those of OpenAI's files
// (https://platform.openai.com/docs/api-reference/files/object).
func purposes() []string {
	return []string{"assistants", "assistants_output", "batch", "batch_output", "evals", "fine-tune",
		"fine-tune-results", "user_data", "vision"}
}

// maxFilesPerPage is OpenAI's, whose clients ask for as many.
const maxFilesPerPage = 10_000

func (h files) list(w http.ResponseWriter, c *wire.Call) error {
	page, err := gate.PagedUpTo(maxFilesPerPage, c, "file-", gate.Known(h.store.File))
	if err != nil {
		return err
	}
	f, err := gate.Filtered(c)
	if err != nil {
		return err
	}
	if err := wire.OneOf("purpose", f.Purpose, purposes()...); err != nil {
		return err
	}
	rows, more, err := h.store.Files(c.Context(), c.Tenant, f, page)
	if err != nil {
		return err
	}
	return wire.WriteList(w, rows, more, viewFile, func(v fileView) string { return v.ID })
}

// own finds the file of the path.
func (h files) own(c *wire.Call) (learn.File, error) {
	f, err := h.store.File(c.Context(), c.Tenant, c.PathValue("id"))
	return f, gate.OrMissing(err, "file")
}

func (h files) get(w http.ResponseWriter, c *wire.Call) error {
	f, err := h.own(c)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, viewFile(f))
}

func (h files) content(w http.ResponseWriter, c *wire.Call) error {
	f, err := h.own(c)
	if err != nil {
		return err
	}
	return h.objects.send(w, c, f.Object, "application/octet-stream")
}

// delete deletes the row first: an object without a row is not shown anywhere.
func (h files) delete(w http.ResponseWriter, c *wire.Call) error {
	f, err := h.own(c)
	if err != nil {
		return err
	}
	if err := h.store.DeleteFile(c.Context(), c.Tenant, f.ID); err != nil {
		return gate.OrMissing(err, "file")
	}
	h.objects.drop(c, f.Object)
	return wire.WriteJSON(w, http.StatusOK, deletedView{ID: f.ID, Object: "file", Deleted: true})
}
