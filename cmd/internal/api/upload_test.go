package api

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"strings"
	"testing"

	"dreamlab/store/blob"
	"dreamlab/tasks"
)

func TestUploadLimits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	big := strings.Repeat(`{"messages":[]}`+"\n", 1<<18+1)
	r.do(request{method: "POST", path: "/v1/experiences", body: big,
		header: map[string]string{"Content-Type": "application/x-ndjson"}}).
		want(t, 413, "invalid_request")
	body, kind := multipartBody(t, [2]string{"purpose", "fine-tune"}, [2]string{"file", big})
	r.do(request{method: "POST", path: "/v1/files", body: body,
		header: map[string]string{"Content-Type": kind}}).want(t, 413, "invalid_request")
	for name, parts := range map[string][][2]string{
		"no file":       {{"purpose", "fine-tune"}},
		"empty file":    {{"purpose", "fine-tune"}, {"file", ""}},
		"no purpose":    {{"file", "{}"}},
		"other purpose": {{"file", "{}"}, {"purpose", "vision"}},
		"two files":     {{"file", "{}"}, {"file", "{}"}, {"purpose", "fine-tune"}},
		"unknown part":  {{"file", "{}"}, {"color", "red"}},
	} {
		body, kind := multipartBody(t, parts...)
		if a := r.do(request{method: "POST", path: "/v1/files", body: body,
			header: map[string]string{"Content-Type": kind}}); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	left, err := r.bucket.List(t.Context(), "", "", 10)
	must(t, err)
	if len(left) != 0 {
		t.Errorf("refused uploads left %v", left)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	lines := strings.Repeat(oneConversation+"\n", 3)
	send := func(body string) answer {
		return r.do(request{method: "POST", path: "/v1/experiences", body: body,
			header: map[string]string{"Content-Type": "application/x-ndjson", "Idempotency-Key": "i"}})
	}
	first := send(lines).want(t, 202, "")
	var input tasks.ImportInput
	job := r.finished(first.text(t, "id"))
	must(t, json.Unmarshal(job.Input, &input))
	if input.Lines != 3 || input.Object != blob.ImportObject(job.ID) {
		t.Errorf("input %s", job.Input)
	}
	if again := send(lines).want(t, 202, ""); again.text(t, "id") != job.ID {
		t.Error("the same import made another job")
	}
	send(lines+"{}\n").want(t, 409, "idempotency_conflict")
	kept, err := r.bucket.List(t.Context(), "imports/", "", 10)
	must(t, err)
	if len(kept) != 1 {
		t.Errorf("objects %v", kept)
	}
}

func TestFileIdempotency(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	send := func(content string) answer {
		body, kind := multipartBody(t, [2]string{"purpose", "fine-tune"}, [2]string{"file", content})
		return r.do(request{method: "POST", path: "/v1/files", body: body,
			header: map[string]string{"Content-Type": kind, "Idempotency-Key": "f"}})
	}
	first := send("{}").want(t, 200, "").text(t, "id")
	if again := send("{}").want(t, 200, "").text(t, "id"); again != first {
		t.Error("the same upload made another file")
	}
	send("{ }").want(t, 409, "idempotency_conflict")
}

// multipartBody returns a multipart body and its content type.
func multipartBody(t *testing.T, parts ...[2]string) (body, kind string) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, p := range parts {
		if p[0] == "file" {
			part, err := w.CreateFormFile("file", "rows.jsonl")
			must(t, err)
			_, err = part.Write([]byte(p[1]))
			must(t, err)
			continue
		}
		must(t, w.WriteField(p[0], p[1]))
	}
	must(t, w.Close())
	return out.String(), w.FormDataContentType()
}
