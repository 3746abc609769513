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

	"dreamlab/store"
)

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

func viewFile(f store.File) fileView {
	return fileView{
		ID: f.ID, Object: "file", Bytes: f.Bytes, CreatedAt: seconds(f.Created), Filename: f.Filename,
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
		err = readFault(err)
	}
	return n, err
}

// createFile keeps an upload. The parts may come in any order; the file is
// streamed to the bucket, and dropped again where the rest is wrong.
func (s *Server) createFile(w http.ResponseWriter, c *call) error {
	key, err := idemKey(c)
	if err != nil {
		return err
	}
	form, err := c.MultipartReader()
	if err != nil {
		return wrongType(c.Request, "multipart/form-data with the parts purpose and file")
	}
	f := store.File{ID: store.NewID("file-"), Tenant: c.key.Tenant, IdemKey: key}
	f.Object = store.FileObject(f.ID)
	err = s.readForm(c, form, &f)
	if err == nil {
		f, err = s.keepFile(c, f)
	}
	if err != nil {
		if f.SHA256 != "" {
			err = errors.Join(err, s.dropObject(c, f.Object))
		}
		return err
	}
	return writeJSON(w, http.StatusOK, viewFile(f))
}

// readForm reads every part, and fails on those that it does not know.
func (s *Server) readForm(c *call, form *multipart.Reader, f *store.File) error {
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			return checkForm(*f)
		}
		if err != nil {
			return readFault(err)
		}
		if err := s.readPart(c, part, f); err != nil {
			return err
		}
	}
}

const longestPurpose = 64

func (s *Server) readPart(c *call, part *multipart.Part, f *store.File) error {
	switch part.FormName() {
	case "purpose":
		text, err := io.ReadAll(io.LimitReader(part, longestPurpose))
		if err != nil {
			return readFault(err)
		}
		f.Purpose = string(text)
		return nil
	case "file":
		if f.SHA256 != "" {
			return invalid("file", "There are two files in the form: send one at a time.")
		}
		m := &measured{from: part, hash: sha256.New()}
		if err := s.Bucket.Create(c.Context(), f.Object, m); err != nil {
			return uploadFault(err)
		}
		f.Filename, f.Bytes, f.SHA256 = tidyName(part.FileName()), m.bytes, hex.EncodeToString(m.hash.Sum(nil))
		return nil
	}
	return invalid(part.FormName(), "There is no part %.60q here: send purpose and file.", part.FormName())
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

func checkForm(f store.File) error {
	switch {
	case f.SHA256 == "":
		return invalid("file", "The form has no part named file: send one.")
	case f.Bytes == 0:
		return invalid("file", "The file is empty: send JSONL, one training row a line.")
	case f.Purpose != "fine-tune":
		return invalid("purpose", "purpose is %q: the one that is taken is fine-tune.", f.Purpose)
	}
	return nil
}

// keepFile writes the row, or finds the file that the same key brought before.
func (s *Server) keepFile(c *call, f store.File) (store.File, error) {
	if f.IdemKey != "" {
		known, err := s.Store.FileByKey(c.Context(), f.Tenant, f.IdemKey)
		if err == nil {
			return s.sameFile(c, f, known)
		}
		if !errors.Is(err, store.ErrNotFound) {
			return f, err
		}
	}
	kept, err := s.Store.AddFile(c.Context(), f)
	if errors.Is(err, store.ErrConflict) { // another with the same key came first
		known, err := s.Store.FileByKey(c.Context(), f.Tenant, f.IdemKey)
		if err != nil {
			return f, err
		}
		return s.sameFile(c, f, known)
	}
	if err != nil {
		return f, err
	}
	return kept, nil
}

func (s *Server) sameFile(c *call, sent, known store.File) (store.File, error) {
	if sent.SHA256 != known.SHA256 || sent.Purpose != known.Purpose {
		return sent, &fault{
			Status: http.StatusConflict, Code: "idempotency_conflict",
			Message: "This Idempotency-Key came with another file before: take a new key for a new file.",
		}
	}
	return known, s.dropObject(c, sent.Object)
}

func (s *Server) listFiles(w http.ResponseWriter, c *call) error {
	page, err := paged(c, "purpose")
	if err != nil {
		return err
	}
	rows, more, err := s.Store.Files(c.Context(), c.key.Tenant, c.URL.Query().Get("purpose"), page)
	if err != nil {
		return err
	}
	return writeList(w, rows, more, viewFile, func(v fileView) string { return v.ID })
}

// ownFile finds the file of the path.
func (s *Server) ownFile(c *call) (store.File, error) {
	f, err := s.Store.File(c.Context(), c.key.Tenant, c.PathValue("id"))
	return f, orMissing(err, "file")
}

func (s *Server) getFile(w http.ResponseWriter, c *call) error {
	f, err := s.ownFile(c)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, viewFile(f))
}

func (s *Server) getFileContent(w http.ResponseWriter, c *call) error {
	f, err := s.ownFile(c)
	if err != nil {
		return err
	}
	return s.sendObject(w, c, f.Object, "application/octet-stream")
}

// deleteFile forgets the row first: an object without a row is found by nobody.
func (s *Server) deleteFile(w http.ResponseWriter, c *call) error {
	f, err := s.ownFile(c)
	if err != nil {
		return err
	}
	if err := s.Store.DeleteFile(c.Context(), c.key.Tenant, f.ID); err != nil {
		return orMissing(err, "file")
	}
	if err := s.dropObject(c, f.Object); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return writeJSON(w, http.StatusOK, deletedView{ID: f.ID, Object: "file", Deleted: true})
}
