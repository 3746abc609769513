package azure

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// mark is the mark of byte order with which training files begin. Files of batches are
// refused with it (https://learn.microsoft.com/azure/ai-foundry/openai/how-to/fine-tuning).
const mark = "\xef\xbb\xbf"

// maxUpload is the largest training file, in bytes.
const maxUpload = 512 << 20

// file is a file as Azure describes it.
type file struct {
	ID      string       `json:"id"`
	Name    string       `json:"filename"`
	Bytes   int64        `json:"bytes"`
	Status  string       `json:"status"`
	Created openai.Stamp `json:"created_at"`
	Details string       `json:"status_details"`
	Error   struct {
		Message string `json:"message"`
	} `json:"error"`
}

func (f file) status() providers.FileStatus {
	status := providers.FileStatus{ID: f.ID, Name: f.Name, Bytes: f.Bytes}
	switch strings.ToLower(f.Status) {
	case "processed":
		status.Ready = true
	case "error", "failed", "deleting", "deleted":
		said := providers.Redact(cmp.Or(f.Error.Message, f.Details))
		status.Invalid = cmp.Or(said, "the file is "+f.Status+", and Azure does not say why: check each row's form")
	}
	return status
}

func (d *driver) files() string { return d.root + "/openai/v1/files" }

// Upload sends a training file in one form, as [providers.Filer] says.
func (d trainer) Upload(ctx context.Context, upload providers.Upload) (providers.FileStatus, error) {
	if upload.Size <= 0 || upload.Size+int64(len(mark)) >= maxUpload {
		return providers.FileStatus{}, invalid("size", "a training file has from 1 byte to 512 MB: take fewer rows")
	}
	content, err := upload.Open()
	if err != nil {
		return providers.FileStatus{}, d.Refused("", fmt.Errorf("open the file to upload: %w", err))
	}
	defer content.Close()
	var made file
	err = d.UploadForm(ctx, openai.Form{
		URL: d.files(), Purpose: "fine-tune", Name: upload.Name, Size: int64(len(mark)) + upload.Size,
		Content: io.MultiReader(strings.NewReader(mark), io.LimitReader(content, upload.Size)),
	}, &made)
	if err == nil && made.ID == "" {
		err = d.Garbled("the answer to the upload names no file")
	}
	return made.status(), err
}

// FindFile looks for a file by its name, the newest first. One that Azure refused may have
// been cut: it is passed over.
func (d trainer) FindFile(ctx context.Context, filename string) (providers.FileStatus, bool, error) {
	files, err := openai.ListAll[file](ctx, d.Client, d.files())
	if err != nil {
		return providers.FileStatus{}, false, err
	}
	slices.SortStableFunc(files, func(a, b file) int { return b.Created.Compare(a.Created.Time) })
	for _, f := range files {
		if f.Name == filename && f.status().Invalid == "" {
			return f.status(), true, nil
		}
	}
	return providers.FileStatus{}, false, nil
}

// File tells how far the check of a file is.
func (d trainer) File(ctx context.Context, id string) (providers.FileStatus, error) {
	var found file
	call := openai.Call{Method: http.MethodGet, URL: d.files() + "/" + url.PathEscape(id), Out: &found}
	if _, err := d.Do(ctx, call); err != nil {
		return providers.FileStatus{}, err
	}
	return found.status(), nil
}

// DeleteFile deletes a file.
func (d trainer) DeleteFile(ctx context.Context, id string) error {
	return d.Remove(ctx, d.files()+"/"+url.PathEscape(id))
}
