package emulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/together/emulator"
)

func TestSignedUpload(t *testing.T) {
	t.Parallel()
	r := start(t)
	got := r.Want(
		r.Do("POST", "/v1/files?file_name=a.jsonl&purpose=fine-tune&file_type=jsonl", nil),
		http.StatusFound,
	)
	id, location := got.Header.Get("X-Together-File-Id"), got.Header.Get("Location")
	r.ok("GET", "/v1/files/"+id, nil).Is(t, 0, "processing_status", "PENDING")
	r.refused(400, "POST", "/v1/files/"+id+"/preprocess", nil)
	r.Want(r.DoAs("", "PUT", strings.Split(location, "?")[0]+"?sig=guess", boats(3)), http.StatusForbidden)
	r.Want(r.DoAs("", "PUT", location, boats(3)), http.StatusOK)
	r.ok("POST", "/v1/files/"+id+"/preprocess", nil).Is(t, 0, "processing_status", "QUEUED")
	r.Want(r.DoAs("", "PUT", location, boats(4)), http.StatusConflict)
	r.Lab.Advance(10 * time.Second)
	r.ok("GET", "/v1/files/"+id, nil).Is(t, 0, "processing_status", "RUNNING")
	r.Lab.Advance(10 * time.Second)
	file := r.ok("GET", "/v1/files/"+id, nil)
	if file.Text("processing_status") != "COMPLETED" || file.Text("Processed") != "true" ||
		file.Text("validation_report.nlines") != "3" || file.Text("bytes") != fmt.Sprint(len(boats(3))) {
		t.Errorf("in the end: %s", file.Body)
	}
	if content := r.ok("GET", "/v1/files/"+id+"/content", nil); string(content.Body) != boats(3) {
		t.Errorf("the content is %d bytes", len(content.Body))
	}
}

// The signed address holds below whatever prefix the emulator is served.
func TestSignedUploadBelowAPrefix(t *testing.T) {
	t.Parallel()
	l, err := lab.New(lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	handler := http.StripPrefix("/together", emulator.New(l))
	request := httptest.NewRequest(
		"POST",
		"http://lab:99/together/v1/files?file_name=a&purpose=fine-tune",
		nil,
	)
	request.Header.Set("Authorization", "Bearer sandbox")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	if got := answer.Header().Get("Location"); !strings.HasPrefix(
		got,
		"http://lab:99/together/v1/signed/file-",
	) {
		t.Errorf("the address is %s", got)
	}
}

func TestMultipartUpload(t *testing.T) {
	t.Parallel()
	r := start(t)
	content := boats(50)
	begun := r.ok("POST", "/v1/files/multipart/initiate", map[string]any{
		"file_name": "a.jsonl", "file_size": len(content), "num_parts": 2,
		"purpose": "fine-tune", "file_type": "jsonl"})
	id := begun.Text("file_id")
	finish := map[string]any{"upload_id": begun.Text("upload_id"), "file_id": id}
	tags := []any{}
	for i, part := range []string{content[:700], content[700:]} {
		put := r.Want(r.DoAs("", "PUT", begun.Text(fmt.Sprintf("parts.%d.URL", i)), part), http.StatusOK)
		tags = append(
			tags,
			map[string]any{"part_number": i + 1, "etag": strings.Trim(put.Header.Get("ETag"), `"`)},
		)
	}
	finish["parts"] = tags[:1]
	r.refused(400, "POST", "/v1/files/multipart/complete", finish)
	finish["parts"] = []any{tags[0], map[string]any{"part_number": 2, "etag": "other"}}
	r.refused(400, "POST", "/v1/files/multipart/complete", finish)
	finish["parts"] = tags
	r.ok("POST", "/v1/files/multipart/complete", finish)
	if got := r.ok("GET", "/v1/files/"+id+"/content", nil); string(got.Body) != content {
		t.Errorf("the parts came to %d bytes, want %d", len(got.Body), len(content))
	}
	r.refused(404, "POST", "/v1/files/multipart/complete", map[string]any{"upload_id": "x", "file_id": id})
}

func TestMultipartAbort(t *testing.T) {
	t.Parallel()
	r := start(t)
	begun := r.ok("POST", "/v1/files/multipart/initiate", map[string]any{
		"file_name": "a.jsonl", "num_parts": 2, "purpose": "fine-tune"})
	r.ok("POST", "/v1/files/multipart/abort", map[string]any{
		"upload_id": begun.Text("upload_id"), "file_id": begun.Text("file_id")})
	r.refused(404, "GET", "/v1/files/"+begun.Text("file_id"), nil)
	r.refused(400, "POST", "/v1/files/multipart/initiate", map[string]any{"file_name": "a", "num_parts": 0})
}

func TestValidation(t *testing.T) {
	t.Parallel()
	good := `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}` + "\n"
	tests := []struct{ name, content, says string }{
		{"no role", strings.Repeat(good, 6) + `{"messages":[{"role":"user","content":"a"},{"content":"b"}]}`,
			"Line 7: `messages[1]` must contain a `role` field"},
		{
			"an unknown role",
			`{"messages":[{"role":"boss","content":"a"}]}`,
			"Line 1: `messages[0]` has the unknown role",
		},
		{
			"no content",
			`{"messages":[{"role":"user"}]}`,
			"Line 1: `messages[0]` must contain a `content` field",
		},
		{"no assistant", `{"messages":[{"role":"user","content":"a"}]}`, "at least one assistant"},
		{"the same role twice", `{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}`,
			"`messages[1]` has the role `user`"},
		{"a half weight", `{"messages":[{"role":"user","content":"a","weight":2}]}`, "`weight` of 0 or 1"},
		{"no JSON", good + "oops", "Line 2: the line must be a JSON object"},
		{"two formats", good + `{"prompt":"a","completion":"b"}`, "Line 2: all samples must have one format"},
		{"no format", `{"foo":1}`, "Line 1: the sample must have"},
		{"no UTF-8", "{\"text\":\"\xff\"}", "Line 1: the line is not UTF-8"},
		{"nothing", "", "the file is empty"},
		{
			"a preference without its worse half",
			`{"input":{"messages":[]},"preferred_output":[]}`,
			"one assistant message each",
		},
		{
			"a preference that answers no user",
			`{"input":{"messages":[{"role":"assistant","content":"a"}]},"preferred_output":[{"role":"assistant",` +
				`"content":"b"}],"non_preferred_output":[{"role":"assistant","content":"c"}]}`,
			"must not end with an assistant message",
		},
		{
			"a preference whose worse half is the user's",
			`{"input":{"messages":[{"role":"user","content":"a"}]},"preferred_output":[{"role":"assistant",` +
				`"content":"b"}],"non_preferred_output":[{"role":"user","content":"c"}]}`,
			"one assistant message each",
		},
		{"instruction", `{"prompt":"a","completion":"b"}`, ""},
		{
			"preference",
			`{"input":{"messages":[{"role":"user","content":"a"}]},"preferred_output":[{"role":"assistant",` +
				`"content":"b"}],"non_preferred_output":[{"role":"assistant","content":"c"}]}`,
			"",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			id := r.upload(test.content)
			r.Lab.Advance(time.Minute)
			file := r.ok("GET", "/v1/files/"+id, nil)
			if test.says == "" {
				file.Is(t, 0, "processing_status", "COMPLETED")
				return
			}
			found := strings.ToLower(file.Text("validation_report.error"))
			if file.Text("processing_status") != "INVALID_FORMAT" ||
				!strings.Contains(found, strings.ToLower(test.says)) {
				t.Errorf("got %s, want %q", file.Body, test.says)
			}
			r.refused(400, "POST", "/v1/fine-tunes", spec(id))
		})
	}
}

func TestFilesAreListedAndDeleted(t *testing.T) {
	t.Parallel()
	r := start(t)
	first := r.upload(boats(2))
	r.Lab.Advance(time.Second)
	second := r.upload(boats(3))
	list := r.ok("GET", "/v1/files", nil)
	list.Is(t, 0, "data.0.id", second, "data.1.id", first, "data.0.filename", "boats.jsonl")
	r.ok("DELETE", "/v1/files/"+first, nil)
	for _, path := range []string{"", "/content"} {
		r.refused(404, "GET", "/v1/files/"+first+path, nil)
	}
	r.refused(404, "DELETE", "/v1/files/"+first, nil)
	if list := r.ok("GET", "/v1/files", nil); list.Get("data.1") != nil {
		t.Errorf("a deleted file is listed: %s", list.Body)
	}
}

func TestUploadRefusals(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, query := range []string{
		"", "?file_name=a", "?file_name=a&purpose=none", "?file_name=a&purpose=eval&file_type=exe",
	} {
		r.refused(400, "POST", "/v1/files"+query, nil)
	}
	r.refused(400, "POST", "/v1/files/upload", `{}`)
	r.once(lab.Fault{Kind: lab.FaultInvalidFile, Message: "Line 9: bad"})
	id := r.upload(boats(2))
	r.Lab.Advance(time.Minute)
	r.ok("GET", "/v1/files/"+id, nil).Is(t, 0, "validation_report.error", "Line 9: bad")
}
