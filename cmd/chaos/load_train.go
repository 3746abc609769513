package main

import (
	"bytes"
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

// trainingFile makes a form with a file of facts that no model knows.
func trainingFile(tenant int) (body []byte, kind string, err error) {
	var out bytes.Buffer
	form := multipart.NewWriter(&out)
	err = form.WriteField("purpose", "fine-tune")
	if err != nil {
		return nil, "", err
	}
	part, err := form.CreateFormFile("file", "parcels.jsonl")
	if err != nil {
		return nil, "", err
	}
	for i := range trainingRows {
		_, err = fmt.Fprintf(part, `{"messages":[{"role":"user","content":"Where is parcel %d-%d?"},`+
			`{"role":"assistant","content":"Parcel %d-%d lies in locker %d."}]}`+"\n", tenant, i, tenant, i, i*7)
		if err != nil {
			return nil, "", err
		}
	}
	err = form.Close()
	return out.Bytes(), form.FormDataContentType(), err
}

// upload uploads a tenant's training file. No fault is injected yet, so it has to succeed.
func (c *load) upload(ctx context.Context, tenant int) error {
	body, kind, err := trainingFile(tenant)
	if err != nil {
		return err
	}
	key := c.lab.keys[tenant]
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.lab.apis[0]+"/v1/files", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", kind)
	answer, err := c.client.Do(request)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return err
	}
	id := textOf(text, "id")
	if id == "" {
		return fmt.Errorf("it is answered %s: %s", answer.Status, text)
	}
	c.files[key] = id
	status, text := c.post(ctx, c.askOf("import", tenant), "/v1/experiences", "", lessons(tenant))
	if status != http.StatusAccepted {
		return fmt.Errorf("conversations are answered %d: %s", status, text)
	}
	return nil
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
	body := fmt.Sprintf(`{"model":"together/openai/gpt-oss-20b","training_file":%q}`, c.files[a.key])
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
