package databricks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// maxUpload is the largest file that the Files API takes, in bytes
// (https://docs.databricks.com/api/workspace/files/upload).
const maxUpload = 5 << 30

func invalid(param, message string) *providers.Error {
	return &providers.Error{
		Kind: providers.KindInvalid, Provider: name, Param: param, Message: message, Charge: providers.ChargeNone,
	}
}

func gone(model, message string) *providers.Error {
	return &providers.Error{
		Kind: providers.KindModelGone, Provider: name, Model: model, Status: http.StatusNotFound,
		Message: model + " " + message, Charge: providers.ChargeNone,
	}
}

func missing(err error) bool {
	var e *providers.Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// fileURL is where the Files API has a file of a volume.
func (d *driver) fileURL(path string) string {
	return d.host + "/api/2.0/fs/files" + (&url.URL{Path: path}).EscapedPath()
}

// rows is where a training file stands in the volume.
func (t trainer) rows(file string) string { return t.volume + "/rows/" + file }

// Upload writes a training file into the volume. It is there whole or not at all, and is
// checked when the training reads it.
func (t trainer) Upload(ctx context.Context, upload providers.Upload) (providers.FileStatus, error) {
	if upload.Size <= 0 || upload.Size > maxUpload {
		return providers.FileStatus{}, invalid("size", "a training file has from 1 byte to 5 GiB: take fewer rows")
	}
	content, err := upload.Open()
	if err != nil {
		return providers.FileStatus{}, t.Refused("", fmt.Errorf("open the file to upload: %w", err))
	}
	defer content.Close()
	path := t.rows(upload.Name)
	_, err = t.Do(ctx, openai.Call{
		Method: http.MethodPut, URL: t.fileURL(path) + "?overwrite=true", Raw: io.LimitReader(content, upload.Size), Size: upload.Size,
	})
	if err != nil {
		return providers.FileStatus{}, err
	}
	return there(path, upload.Size), nil
}

func there(path string, size int64) providers.FileStatus {
	return providers.FileStatus{ID: path, Name: path[strings.LastIndexByte(path, '/')+1:], Bytes: size, Ready: true}
}

// size asks how large a file of the volume is.
func (t trainer) size(ctx context.Context, path string) (int64, error) {
	header, err := t.Do(ctx, openai.Call{Method: http.MethodHead, URL: t.fileURL(path)})
	if err != nil {
		return 0, err
	}
	size, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	if err != nil {
		return 0, t.Garbled("the answer does not tell the file's length")
	}
	return size, nil
}

// FindFile looks for a file by its name.
func (t trainer) FindFile(ctx context.Context, filename string) (providers.FileStatus, bool, error) {
	size, err := t.size(ctx, t.rows(filename))
	if missing(err) {
		return providers.FileStatus{}, false, nil
	}
	if err != nil {
		return providers.FileStatus{}, false, err
	}
	return there(t.rows(filename), size), true, nil
}

// ours refuses a file outside of the volume.
func (t trainer) ours(id string) error {
	if !strings.HasPrefix(id, t.rows("")) || strings.Contains(id, "..") {
		return invalid("file", "the file is not in the volume of "+envVolume)
	}
	return nil
}

// File tells that a file is there.
func (t trainer) File(ctx context.Context, id string) (providers.FileStatus, error) {
	if err := t.ours(id); err != nil {
		return providers.FileStatus{}, err
	}
	status, found, err := t.FindFile(ctx, strings.TrimPrefix(id, t.rows("")))
	if err == nil && !found {
		status.Invalid = "the file is not in the volume any more: upload it again"
	}
	return status, err
}

// DeleteFile deletes a file of the volume.
func (t trainer) DeleteFile(ctx context.Context, id string) error {
	if err := t.ours(id); err != nil {
		return err
	}
	return t.Remove(ctx, t.fileURL(id))
}
