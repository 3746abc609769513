package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/tasks"
)

func TestBadInput(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	ndjson := map[string]string{"Content-Type": "application/x-ndjson"}
	urlencoded := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	chat := "/v1/chat/completions"
	for name, tc := range map[string]struct {
		method, path, body string
		header             map[string]string
		status             int
		code, param, says  string
	}{
		"empty body": {"POST", chat, " ", nil, 400, "invalid_request", "", "JSON"},
		"no JSON": {"POST", "/v1/jobs", "{\n  \"kind\": x}", nil, 400, "invalid_request", "",
			"line 2, column 11"},
		"cut JSON": {"POST", "/v1/jobs", `{"kind":`, nil, 400, "invalid_request", "", "too early"},
		"two objects": {"POST", "/v1/jobs", `{"kind":"dream"} {}`, nil, 400, "invalid_request", "",
			"after top-level value at line 1, column 18"},
		"not UTF-8":     {"POST", chat, "{\"model\":\"\xff\"}", nil, 400, "invalid_request", "", "UTF-8"},
		"form":          {"POST", chat, "a=b", urlencoded, 415, "invalid_request", "", "application/json"},
		"unknown field": {"POST", chat, `{"modle":"x"}`, nil, 400, "invalid_request", "modle", "remove"},
		"unknown model": {"POST", chat, strings.Replace(askWhole, "assistant", "gpt-9", 1), nil, 404,
			"model_not_found", "", "/v1/models"},
		"too long": {"POST", chat, strings.Replace(askWhole, "hi", strings.Repeat("word ", 5000), 1), nil,
			400, "context_length_exceeded", "messages", "shorten"},
		"too large": {"POST", chat, strings.Repeat(" ", 1<<20+1), nil, 413, "invalid_request", "",
			"1048576 bytes"},
		"bad key": {"POST", chat, askWhole, map[string]string{"Idempotency-Key": strings.Repeat("k",
			256)}, 400, "invalid_request", "Idempotency-Key", "255"},
		"no such kind": {"POST", "/v1/jobs", `{"kind":"walk"}`, nil, 400, "invalid_request", "kind",
			"chat, dream or tune"},
		"below input": {"POST", "/v1/jobs", `{"kind":"dream","input":{"limit":0}}`, nil, 400,
			"invalid_request", "input.limit", ""},
		"webhook": {"POST", "/v1/jobs", `{"kind":"dream","webhook_url":"http://x"}`, nil, 400,
			"invalid_request", "webhook_url", "https"},
		"webhook inside": {"POST", "/v1/jobs", `{"kind":"dream","webhook_url":"https://10.0.0.1/"}`, nil, 400,
			"invalid_request", "webhook_url", "not public"},
		"priority": {"POST", "/v1/jobs", `{"kind":"dream","priority":10}`, nil, 400, "invalid_request",
			"priority", ""},
		"wrong type": {"POST", "/v1/jobs", `{"kind":"dream","priority":"high"}`, nil, 400,
			"invalid_request", "priority", "a whole number"},
		"metadata": {"POST", "/v1/jobs", `{"kind":"dream","metadata":{"a":1}}`, nil, 400,
			"invalid_request", "metadata", "strings"},
		"dream field": {"POST", "/v1/dreams", `{"size":1}`, nil, 400, "invalid_request", "size", ""},
		"money": {"POST", "/v1/dreams", `{"budget_usd":"-1"}`, nil, 400, "invalid_request",
			"budget_usd", "dollars"},
		"tune field": {"POST", "/v1/tunes", `{"base":"x"}`, nil, 400, "invalid_request", "base", ""},
		"no answer": {"POST", "/v1/experiences", `{"messages":[{"role":"user","content":"a"}]}`, nil, 400,
			"invalid_request", "messages", ""},
		"no lines": {"POST", "/v1/experiences", "\n \n", ndjson, 400, "invalid_request", "",
			"no conversation"},
		"CSV": {"POST", "/v1/experiences", "a,b", map[string]string{"Content-Type": "text/csv"}, 415,
			"invalid_request", "", "x-ndjson"},
		"no feedback": {"POST", "/v1/experiences/" + s.experience + "/feedback", `{}`, nil, 400,
			"invalid_request", "rating", ""},
		"rating": {"POST", "/v1/experiences/" + s.experience + "/feedback", `{"rating":5}`, nil, 400,
			"invalid_request", "rating", ""},
		"no form": {"POST", "/v1/files", `{}`, nil, 415, "invalid_request", "", "multipart"},
		"no file": {"POST", "/v1/fine_tuning/jobs", `{"model":"together/base","training_file":"file-x"}`,
			nil, 404, "not_found", "training_file", ""},
		"limit":         {"GET", "/v1/jobs?limit=0", "", nil, 400, "invalid_request", "limit", ""},
		"status":        {"GET", "/v1/jobs?status=done", "", nil, 400, "invalid_request", "status", "succeeded"},
		"kind":          {"GET", "/v1/jobs?kind=walk", "", nil, 400, "invalid_request", "kind", "chat"},
		"order":         {"GET", "/v1/jobs?order=up", "", nil, 400, "invalid_request", "order", ""},
		"unknown query": {"GET", "/v1/jobs?color=red", "", nil, 400, "invalid_request", "color", "kind"},
		"name twice": {"POST", chat, `{"model":"assistant","messages":[],"mod\u0065l":"x"}`, nil, 400, "invalid_request",
			"model", "twice"},
		"name twice inside": {"POST", chat, `{"model":"assistant","messages":[{"role":"user","role":"system"}]}`, nil, 400,
			"invalid_request", "role", "twice"},
		"name twice in a job": {"POST", "/v1/jobs", `{"kind":"dream","kind":"tune"}`, nil, 400, "invalid_request", "kind",
			"twice"},
		"other case": {"POST", "/v1/jobs", `{"KIND":"dream"}`, nil, 400, "invalid_request", "KIND", "no field"},
		"null body":  {"POST", "/v1/jobs", `null`, nil, 400, "invalid_request", "", "JSON object"},
		"array body": {"POST", "/v1/jobs", `[1]`, nil, 400, "invalid_request", "", "JSON object"},
		"place in a conversation": {"POST", "/v1/experiences", "{\n  \"messages\": x}", nil, 400, "invalid_request", "",
			"line 2, column 15"},
		"two types": {"POST", "/v1/dreams", `{"limit":"ten"}`, nil, 400, "invalid_request", "limit",
			"it is a string: it has to be a whole number"},
		"expires before it runs": {"POST", "/v1/jobs", fmt.Sprintf(`{"kind":"dream","expires_in":1,"run_at":%d}`,
			time.Now().Add(time.Hour).Unix()), nil, 400, "invalid_request", "expires_in", "run_at"},
		"body of a cancel": {"POST", "/v1/jobs/" + s.job + "/cancel", `{"force":true}`, nil, 400, "invalid_request",
			"force", "no field"},
		"body of an undo": {"POST", "/v1/dreams/" + s.dream + "/undo", `{"x":1}`, nil, 400, "invalid_request", "x", ""},
		"no such tool": {"POST", chat, `{"model":"assistant","messages":[{"role":"user","content":"a"}],"tools":[` +
			`{"type":"function","function":{"name":"a"}}],"tool_choice":{"type":"function","function":{"name":"b"}}}`, nil,
			400, "invalid_request", "tool_choice.function.name", "no tool"},
		"no such origin":         {"GET", "/v1/experiences?origin=nope", "", nil, 400, "invalid_request", "origin", "import"},
		"no such purpose":        {"GET", "/v1/files?purpose=nope", "", nil, 400, "invalid_request", "purpose", "fine-tune"},
		"time ends first":        {"GET", "/v1/usage?start_time=5&end_time=1", "", nil, 400, "invalid_request", "start_time", ""},
		"malformed form":         {"POST", "/v1/files", "--x\r\nbroken", map[string]string{"Content-Type": "multipart/form-data; boundary=x"}, 400, "invalid_request", "", "malformed"},
		"cursor of another noun": {"GET", "/v1/jobs?after=" + s.dream, "", nil, 400, "invalid_request", "after", "job_"},
		"cursor of nothing":      {"GET", "/v1/dreams?after=drm_none", "", nil, 404, "not_found", "after", ""},
		"malformed cursor":       {"GET", "/v1/examples?after=%27", "", nil, 400, "invalid_request", "after", ""},
		"event that is none": {"GET", "/v1/fine_tuning/jobs/" + s.training + "/events?after=x", "", nil, 400,
			"invalid_request", "after", ""},
		"query that can not be read": {"GET", "/v1/jobs?limit=%zz", "", nil, 400, "invalid_request", "", "encode"},
		"semicolon":                  {"GET", "/v1/jobs?limit=1;order=asc", "", nil, 400, "invalid_request", "", "encode"},
		"query twice":                {"GET", "/v1/jobs?limit=1&limit=2", "", nil, 400, "invalid_request", "limit", "once"},
		"query of a POST":            {"POST", "/v1/dreams?dry=1", "{}", nil, 400, "invalid_request", "dry", "takes none"},
		"query of an object":         {"GET", "/v1/jobs/" + s.job + "?full=1", "", nil, 400, "invalid_request", "full", "none"},
		"query of models":            {"GET", "/v1/models?limit=1", "", nil, 400, "invalid_request", "limit", "none"},
		"compressed": {"POST", "/v1/jobs", "{}", map[string]string{"Content-Encoding": "gzip"}, 415, "invalid_request", "",
			"as it is"},
		"compressed lines": {"POST", "/v1/experiences", "{}", map[string]string{"Content-Encoding": "br",
			"Content-Type": "application/x-ndjson"}, 415, "invalid_request", "", "as it is"},
		"charset": {"POST", "/v1/jobs", "{}", map[string]string{"Content-Type": "application/json; charset=utf-16"}, 415,
			"invalid_request", "", "UTF-8"},
		"unknown group": {"GET", "/v1/usage?group_by=moon", "", nil, 400, "invalid_request", "group_by", ""},
		"unknown time":  {"GET", "/v1/usage?end_time=now", "", nil, 400, "invalid_request", "end_time", ""},
		"unknown path":  {"GET", "/v1/images", "", nil, 404, "not_found", "", "/openapi.yaml"},
		"wrong method":  {"DELETE", "/v1/jobs", "", nil, 405, "invalid_request", "", "GET, POST"},
		"NUL in id":     {"GET", "/v1/jobs/a%00b", "", nil, 400, "invalid_request", "", "NUL"},
		"no stream": {"GET", "/v1/jobs/" + s.job + "/stream", "", nil, 400, "invalid_request", "id",
			"Only chats"},
		"lineage of none":  {"GET", "/v1/lineage/exp_none", "", nil, 404, "not_found", "", ""},
		"rollback of none": {"GET", "/v1/routes/none", "", nil, 404, "not_found", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := request{method: tc.method, path: tc.path, body: tc.body, header: tc.header}
			a := r.do(q).want(t, tc.status, tc.code)
			param, _ := a.field(t, "error", "param").(string)
			if param != tc.param || !strings.Contains(a.text(t, "error", "message"), tc.says) {
				t.Errorf("param %q: %s", param, a.body)
			}
		})
	}
}

func TestRouteChecks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for body, param := range map[string]string{
		`{"targets":[]}`: "targets",
		`{"targets":[{"model":"together/none","weight":1}]}`:           "targets[0].model",
		`{"targets":[{"model":"together/base","weight":-1}]}`:          "targets[0].weight",
		`{"targets":[{"model":"together/base","weight":1,"tier":1}]}`:  "targets",
		`{"targets":[{"model":"together/base","weight":1,"tier":-1}]}`: "targets[0].tier",
	} {
		a := r.do(request{method: "PUT", path: "/v1/routes/assistant", body: body, key: r.admin})
		if a.status != 400 && a.status != 404 || a.text(t, "error", "param") != param {
			t.Errorf("%s: %s", body, a.body)
		}
	}
	for _, body := range []string{`null`, `{"version":null}`, `{"version":"1"}`, `{"Version":1}`} {
		q := request{method: "POST", path: "/v1/routes/assistant/rollback", key: r.admin, body: body}
		r.do(q).want(t, 400, "invalid_request")
	}
	for _, targets := range []string{`[{"Model":"together/base","weight":1}]`, `[{"model":"assistant","weight":1}]`} {
		q := request{method: "PUT", path: "/v1/routes/assistant", key: r.admin, body: `{"targets":` + targets + `}`}
		if a := r.do(q).want(t, 400, "invalid_request"); !strings.HasPrefix(a.text(t, "error", "param"), "targets[0].") {
			t.Errorf("%s: %s", targets, a.body)
		}
	}
	r.do(request{method: "PUT", path: "/v1/routes/Bad%20Name", body: `{}`, key: r.admin}).want(t, 400,
		"invalid_request")
	r.do(request{method: "POST", path: "/v1/routes/assistant/rollback", key: r.admin}).want(t, 400,
		"invalid_request")
}

func TestDreamsOneAtATime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	release := make(chan struct{})
	r.on(tasks.DreamPlan, func(ctx context.Context, _ *tasks.Run) (*tasks.End, error) {
		select {
		case <-release:
			return &tasks.End{}, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	})
	first := r.post("/v1/dreams", "").want(t, 202, "")
	r.post("/v1/dreams", `{}`).want(t, 409, "dream_running")
	r.post("/v1/jobs", `{"kind":"dream"}`).want(t, 409, "dream_running")
	r.post("/v1/dreams/"+first.text(t, "id")+"/undo", "").want(t, 409, "dream_running")
	still := r.do(request{method: "POST", path: "/v1/jobs", body: `{"kind":"tune"}`,
		header: map[string]string{"Prefer": "wait=0"}}).want(t, 202, "")
	r.finished(still.text(t, "id"))
	close(release)
	r.finished(first.text(t, "job"))
	r.post("/v1/dreams", `{}`).want(t, 202, "")
}

// The log tells who asked for what, and neither the key nor the words.
func TestLogKeepsSecrets(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.do(request{method: "POST", path: "/v1/chat/completions", body: strings.Replace(askWhole, "hi",
		"my secret", 1),
		header: map[string]string{"X-Request-Id": "mine-1",
			"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}})
	r.get("/v1/experiences?conversation=secret")
	text := r.log.String()
	for _, want := range []string{"mine-1", "job_", "ten_", "0af7651916cd43dd8448eb211c80319c",
		"POST /v1/chat/completions"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %s: %s", want, text)
		}
	}
	for _, secret := range []string{r.key, "secret"} {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
}

// A client that reads nothing holds up nobody else.
func TestSlowClient(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	must(t, err)
	q := r.build(request{method: "POST", path: "/v1/chat/completions", body: askStream})
	must(t, q.Write(conn))
	for range 20 {
		r.post("/v1/chat/completions", askWhole).want(t, 200, "")
	}
	must(t, conn.Close())
}

// Whatever is sent as a chat, the answer is in the API's shape and never 500.
func FuzzChatBorder(f *testing.F) {
	for _, seed := range []string{askWhole, askStream, "", "{}", "[", `{"model":1}`, "\xff",
		`{"messages":[{"role":"user","content":[{"type":"text"}]}],"model":"assistant"}`} {
		f.Add([]byte(seed))
	}
	models, known := catalogue().List(), wire.Statuses()
	f.Fuzz(func(t *testing.T, body []byte) {
		req := httptest.NewRequest("POST", "/v1/chat/completions", bytes.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		c := &wire.Call{Request: req}
		text, err := wire.JSONBody(c)
		if err == nil {
			if request, parseErr := tasks.ParseChat(text); parseErr != nil {
				err = parseErr
			} else {
				err = request.CheckContext(models[0].Context)
			}
		}
		if err == nil {
			return
		}
		fault := gate.FaultOf(err)
		if fault.Status >= 500 || known[fault.Code] == 0 || !json.Valid(fault.Body()) ||
			!utf8.Valid(fault.Body()) {
			t.Errorf("%q is answered %d %s", body, fault.Status, fault.Body())
		}
	})
}
