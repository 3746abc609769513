package together

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// maxUpload is the largest file that one signed upload takes, in bytes.
const maxUpload = 5 << 30

// file is a file as Together describes it.
type file struct {
	ID         string `json:"id"`
	Name       string `json:"filename"`
	Bytes      count  `json:"bytes"`
	Created    moment `json:"created_at"`
	Processed  bool   `json:"Processed"` // deprecated; all that old files have
	Status     string `json:"processing_status"`
	Validation struct {
		Valid *bool  `json:"valid"`
		Lines count  `json:"nlines"`
		Error string `json:"error"`
	} `json:"validation_report"`
}

func (f file) status() providers.FileStatus {
	status := providers.FileStatus{
		ID: f.ID, Name: f.Name, Bytes: int64(f.Bytes), Lines: int64(f.Validation.Lines),
	}
	word := strings.ToUpper(f.Status)
	refused := f.Validation.Valid != nil && !*f.Validation.Valid && f.Validation.Error != ""
	switch {
	case word == "FAILED" || word == "INVALID_FORMAT" || refused:
		status.Invalid = cmp.Or(f.Validation.Error, "the vendor refused the file: "+word)
	case word == "COMPLETED" || (word == "" && f.Processed):
		status.Ready = true
	}
	return status
}

// Upload sends a file by the signed redirect: a record is made, the bytes go to
// the storage that it points to, and the validation is started. When the
// outcome is in doubt, FindFile tells whether the file arrived.
func (d trainer) Upload(ctx context.Context, upload providers.Upload) (providers.FileStatus, error) {
	if upload.Size <= 0 || upload.Size > maxUpload {
		return providers.FileStatus{}, invalid("size", "a training file has between 1 byte and 5 GiB: split it")
	}
	id, location, err := d.announce(ctx, upload.Name, "fine-tune")
	if err != nil {
		return providers.FileStatus{}, err
	}
	if err := d.put(ctx, location, upload); err != nil {
		return providers.FileStatus{ID: id, Name: upload.Name}, err
	}
	status, err := d.preprocess(ctx, id)
	status.Name = cmp.Or(status.Name, upload.Name)
	return status, err
}

// announce makes the record and returns where its bytes go.
func (d *driver) announce(ctx context.Context, filename, purpose string) (id, location string, err error) {
	form := url.Values{"purpose": {purpose}, "file_name": {filename}, "file_type": {"jsonl"}}
	call := openai.Call{Method: http.MethodPost, URL: d.v1 + "/files?" + form.Encode(), Form: form}
	header, err := d.Do(ctx, call)
	var e *providers.Error
	if err != nil && (!errors.As(err, &e) || e.Status != http.StatusFound) {
		return "", "", err
	}
	id, location = header.Get("X-Together-File-Id"), header.Get("Location")
	if id == "" || location == "" {
		return "", "", garbled("the answer to the upload names no file and no place for it", nil)
	}
	return id, location, nil
}

// put sends the bytes. The place is on another host and signed by its URL, so
// that our key must not go there and the URL not into an error.
func (d *driver) put(ctx context.Context, location string, upload providers.Upload) error {
	body, err := upload.Open()
	if err != nil {
		return garbled("open the file to upload", err)
	}
	defer body.Close()
	_, err = d.storage.Do(ctx, openai.Call{
		Method: http.MethodPut, URL: location, Raw: io.LimitReader(body, upload.Size), Size: upload.Size,
	})
	return err
}

func (d trainer) preprocess(ctx context.Context, id string) (providers.FileStatus, error) {
	var out file
	call := openai.Call{Method: http.MethodPost, URL: d.fileURL(id) + "/preprocess", Out: &out}
	if _, err := d.Do(ctx, call); err != nil {
		return providers.FileStatus{ID: id}, err
	}
	out.ID = cmp.Or(out.ID, id)
	return out.status(), nil
}

func (d *driver) fileURL(id string) string { return d.v1 + "/files/" + url.PathEscape(id) }

// FindFile looks for a file by its name among all files, the newest first. One
// that waits for its validation is sent there, since that call may be what got
// lost; when its bytes never arrived, Together refuses, and it is passed over.
func (d trainer) FindFile(ctx context.Context, filename string) (providers.FileStatus, bool, error) {
	files, err := list[file](ctx, d.driver, d.v1+"/files")
	if err != nil {
		return providers.FileStatus{}, false, err
	}
	slices.SortStableFunc(files, func(a, b file) int { return b.Created.Compare(a.Created.Time) })
	for _, f := range files {
		if f.Name != filename {
			continue
		}
		if strings.ToUpper(f.Status) != "PENDING" {
			return f.status(), true, nil
		}
		status, err := d.preprocess(ctx, f.ID)
		if err == nil {
			return status, true, nil
		}
		if providers.KindOf(err) != providers.KindInvalid {
			return providers.FileStatus{}, false, err
		}
	}
	return providers.FileStatus{}, false, nil
}

// File tells how far the validation is.
func (d trainer) File(ctx context.Context, id string) (providers.FileStatus, error) {
	var out file
	call := openai.Call{Method: http.MethodGet, URL: d.fileURL(id), Out: &out}
	if _, err := d.Do(ctx, call); err != nil {
		return providers.FileStatus{}, err
	}
	return out.status(), nil
}

// DeleteFile deletes a file.
func (d trainer) DeleteFile(ctx context.Context, id string) error {
	return d.Remove(ctx, d.fileURL(id))
}
