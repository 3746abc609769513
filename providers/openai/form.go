package openai

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"

	"dreamlab/providers"
)

// Form is a file on its way in one multipart form, as OpenAI's files go
// (https://platform.openai.com/docs/api-reference/files/create).
type Form struct {
	URL     string
	Purpose string // "" for none
	// Fields stand beside the purpose.
	Fields  map[string]string
	Name    string
	Content io.Reader // read once
	Size    int64     // bytes
}

// UploadForm sends a form; out takes the JSON of the answer.
func (c *Client) UploadForm(ctx context.Context, form Form, out any) error {
	var frame bytes.Buffer
	writer := multipart.NewWriter(&frame)
	if err := errors.Join(form.writeFields(writer), startFile(writer, form.Name)); err != nil {
		return c.Refused("", err)
	}
	head := bytes.Clone(frame.Bytes())
	frame.Reset()
	if err := writer.Close(); err != nil {
		return c.Refused("", err)
	}
	_, err := c.Do(ctx, Call{
		Method: http.MethodPost, URL: form.URL, Kind: writer.FormDataContentType(), Out: out,
		Raw:  io.MultiReader(bytes.NewReader(head), form.Content, bytes.NewReader(frame.Bytes())),
		Size: int64(len(head)) + form.Size + int64(frame.Len()),
	})
	return err
}

func (f Form) writeFields(writer *multipart.Writer) error {
	if f.Purpose != "" {
		if err := writer.WriteField("purpose", f.Purpose); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Fields)) {
		if err := writer.WriteField(name, f.Fields[name]); err != nil {
			return err
		}
	}
	return nil
}

// startFile begins the part of a form that holds a file.
func startFile(writer *multipart.Writer, name string) error {
	_, err := writer.CreateFormFile("file", name)
	return err
}

// Remove deletes what stands at a URL. What is gone is no error.
func (c *Client) Remove(ctx context.Context, url string) error {
	_, err := c.Do(ctx, Call{Method: http.MethodDelete, URL: url})
	var e *providers.Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound {
		return nil
	}
	return err
}
