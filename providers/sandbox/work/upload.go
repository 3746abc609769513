package work

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// maxField bounds a field of a form, in bytes.
const maxField = 64 << 10

// Signed finds the file that an address is for, which needs no key since it
// holds the file's secret. It refuses a file that is uploaded already.
func (fs *Files) Signed(id, secret string) (File, *lab.Failure) {
	f, refused := fs.File(id)
	switch {
	case refused != nil:
		return File{}, refused
	case subtle.ConstantTimeCompare([]byte(secret), []byte(f.Secret)) != 1:
		return File{}, &lab.Failure{Status: http.StatusForbidden, Message: "the signature does not match"}
	case !f.Received.IsZero():
		return File{}, lab.Conflict("the file is uploaded already")
	}
	return f, nil
}

// Put keeps the bytes of a file.
func (fs *Files) Put(id string, body io.Reader) *lab.Failure {
	if _, err := fs.lab.Shelf.Put(id, body); err != nil {
		return lab.NotKept(err)
	}
	return nil
}

// partName is where a part is kept until all are there.
func partName(id string, n int) string { return fmt.Sprintf("part-%s-%d", id, n) }

// PutPart keeps the bytes of a part, counted from 1, and returns their checksum.
func (fs *Files) PutPart(f File, n int, body io.Reader) (string, *lab.Failure) {
	if n < 1 || n > f.Count {
		return "", lab.Invalid("part_number", "the upload has parts 1 to %d", f.Count)
	}
	sum := sha256.New()
	if refused := fs.Put(partName(f.ID, n), io.TeeReader(body, sum)); refused != nil {
		return "", refused
	}
	tag := hex.EncodeToString(sum.Sum(nil)[:16])
	return tag, fs.change(func(time.Time) *lab.Failure {
		kept, refused := fs.file(f.ID)
		if refused != nil {
			return refused
		}
		kept.Parts = maps.Clone(kept.Parts) // copies of the file share it
		kept.Parts[n] = tag
		return nil
	})
}

// Join makes the file of its parts, whose checksums are given in their order,
// and begins its check.
func (fs *Files) Join(r *http.Request, id string, tags []string) (File, *lab.Failure) {
	f, refused := fs.File(id)
	if refused != nil {
		return File{}, refused
	}
	if len(tags) != f.Count {
		return File{}, lab.Invalid("parts", "the upload has %d parts, %d were named", f.Count, len(tags))
	}
	names := make([]string, f.Count)
	for i, tag := range tags {
		if tag == "" || f.Parts[i+1] != tag {
			return File{}, lab.Invalid("parts", "part %d is missing or has another checksum", i+1)
		}
		names[i] = partName(id, i+1)
	}
	if err := fs.join(id, names...); err != nil {
		return File{}, lab.NotKept(err)
	}
	if f, refused = fs.Receive(r, id); refused != nil {
		return File{}, refused
	}
	return f, fs.dropParts(f)
}

// join keeps together what is kept under some names.
func (fs *Files) join(to string, from ...string) error {
	readers := make([]io.Reader, 0, len(from))
	for _, name := range from {
		body, err := fs.lab.Shelf.Open(name)
		if err != nil {
			return err
		}
		defer body.Close()
		readers = append(readers, body)
	}
	_, err := fs.lab.Shelf.Put(to, io.MultiReader(readers...))
	return err
}

func (fs *Files) dropParts(f File) *lab.Failure {
	for n := range f.Count {
		if err := fs.lab.Shelf.Delete(partName(f.ID, n+1)); err != nil {
			return lab.NotKept(err)
		}
	}
	return nil
}

// Abort forgets a file that was to come in parts.
func (fs *Files) Abort(f File) *lab.Failure {
	if refused := fs.dropParts(f); refused != nil {
		return refused
	}
	return fs.Delete(f.ID)
}

// Form takes a file that comes in one multipart form, and begins its check. The
// file is made by add of the form's other fields.
func (fs *Files) Form(
	r *http.Request, add func(fields map[string]string) (File, *lab.Failure),
) (f File, refused *lab.Failure) {
	form, err := r.MultipartReader()
	if err != nil {
		return File{}, lab.Invalid("file", "the body must be multipart/form-data: %v", err)
	}
	staged := lab.NewID("part-") // the fields may come behind the file
	defer func() {
		if err := fs.lab.Shelf.Delete(staged); err != nil && refused == nil {
			refused = lab.NotKept(err)
		}
	}()
	fields, refused := fs.readForm(form, staged)
	if refused != nil {
		return File{}, refused
	}
	if _, found := fields["file"]; !found {
		return File{}, lab.Invalid("file", "file is required")
	}
	if f, refused = add(fields); refused != nil {
		return File{}, refused
	}
	if err := fs.join(f.ID, staged); err != nil {
		return File{}, lab.NotKept(err)
	}
	return fs.Receive(r, f.ID)
}

// readForm reads a form's fields and keeps its file; the field "file" is the
// name that the file came with.
func (fs *Files) readForm(form *multipart.Reader, staged string) (map[string]string, *lab.Failure) {
	fields := map[string]string{}
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			return fields, nil
		}
		if err != nil {
			return nil, lab.Invalid("file", "read the form: %v", err)
		}
		if part.FormName() == "file" {
			if refused := fs.Put(staged, part); refused != nil {
				return nil, refused
			}
			fields["file"] = part.FileName()
			continue
		}
		data, err := io.ReadAll(io.LimitReader(part, maxField))
		if err != nil {
			return nil, lab.Invalid(part.FormName(), "read the form: %v", err)
		}
		fields[part.FormName()] = string(data)
	}
}
