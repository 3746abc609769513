package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
)

// trainingRows is the number of rows of a tenant's training file.
const trainingRows = 24

// trainingFile is a file of facts that no model knows.
func trainingFile(tenant int) string {
	var out strings.Builder
	for i := range trainingRows {
		fmt.Fprintf(&out, `{"messages":[{"role":"user","content":"Where is parcel %d-%d?"},`+
			`{"role":"assistant","content":"Parcel %d-%d lies in locker %d."}]}`+"\n", tenant, i, tenant, i, i*7)
	}
	return out.String()
}

// form makes the form with which a file is uploaded.
func form(purpose, content string) (body *bytes.Buffer, kind string, err error) {
	body = &bytes.Buffer{}
	form := multipart.NewWriter(body)
	if err := form.WriteField("purpose", purpose); err != nil {
		return nil, "", err
	}
	part, err := form.CreateFormFile("file", purpose+".jsonl")
	if err != nil {
		return nil, "", err
	}
	if _, err := io.WriteString(part, content); err != nil {
		return nil, "", err
	}
	return body, form.FormDataContentType(), form.Close()
}

// upload brings a tenant's files and conversations. No fault is injected yet, so it has to
// succeed.
func (c *load) upload(ctx context.Context, tenant int) (err error) {
	key := c.lab.keys[tenant]
	if c.files[key], err = c.bring(ctx, key, "fine-tune", trainingFile(tenant)); err != nil {
		return err
	}
	if c.requests[key], err = c.bring(ctx, key, "batch", batchFile(tenant)); err != nil {
		return err
	}
	status, text := c.post(ctx, c.askOf("import", tenant), "/v1/experiences", "", lessons(tenant))
	if status != http.StatusAccepted {
		return fmt.Errorf("conversations are answered %d: %s", status, text)
	}
	return nil
}

// bring uploads a file and returns its id.
func (c *load) bring(ctx context.Context, key, purpose, content string) (string, error) {
	body, kind, err := form(purpose, content)
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.lab.apis[0]+"/v1/files", body)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", kind)
	answer, err := c.client.Do(request)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return "", err
	}
	id := textOf(text, "id")
	if id == "" {
		return "", fmt.Errorf("a file of the purpose %s is answered %s: %s", purpose, answer.Status, text)
	}
	return id, nil
}

// lessons are conversations with known right answers: dreams make examples of them, and tunes
// make datasets.
func lessons(tenant int) string {
	var out strings.Builder
	for i := range trainingRows {
		fmt.Fprintf(&out, `{"conversation_id":"l-%d-%d","reference":"Shelf %d.","messages":[`+
			`{"role":"user","content":"On which shelf of hall %d is item %d?"},`+
			`{"role":"assistant","content":"I do not know."}]}`+"\n", tenant, i, i*3, tenant, i)
	}
	return out.String()
}

// train requests a training, and cancels it if it is to be cancelled.
func (c *load) train(ctx context.Context, a ask) {
	body := fmt.Sprintf(`{"model":%q,"training_file":%q}`, cmp.Or(a.model, "together/openai/gpt-oss-20b"), c.files[a.key])
	answer := c.insist(ctx, a, "/v1/fine_tuning/jobs", body, http.StatusOK)
	job := textOf(answer, "dreamlab", "job")
	if job == "" {
		return
	}
	c.note(promise{job: job, key: a.key + a.idemKey()})
	if a.kind == "untrain" && pause(ctx, 2*a.pause) {
		c.cancel(ctx, a, job)
	}
}
