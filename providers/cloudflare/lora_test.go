package cloudflare_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/cloudflare"
)

const (
	gemma  = "@cf/google/gemma-3-12b-it"
	handle = `{"name":"dl-1","base":"` + gemma + `"}`
)

// account answers as a script says, by method and the end of the path, and keeps what it was asked.
type account struct {
	answers map[string]string // a status, a space and a body
	asked   map[string]string // bodies
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for call, answer := range a.answers {
		method, end, _ := strings.Cut(call, " ")
		if method != r.Method || !strings.HasSuffix(r.URL.Path, end) {
			continue
		}
		a.asked[call] = string(body)
		status, said, _ := strings.Cut(answer, " ")
		w.WriteHeader(map[string]int{"200": 200, "404": 404, "405": 405, "409": 409, "503": 503}[status])
		if _, err := io.WriteString(w, said); err != nil {
			panic(http.ErrAbortHandler)
		}
		return
	}
	w.WriteHeader(http.StatusNotFound)
}

// at opens the driver on a scripted account, at a time.
func (a *account) at(t *testing.T, now time.Time) providers.Driver {
	t.Helper()
	a.asked = map[string]string{}
	server := httptest.NewServer(a)
	transport := &http.Transport{}
	t.Cleanup(func() { transport.CloseIdleConnections(); server.Close() })
	driver, err := cloudflare.Vendor.Open(providers.Config{
		Values: direct(server.URL), HTTP: &http.Client{Transport: transport}, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

var made = time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)

const listed = `{"id":"f1","name":"dl-1","model":"` + gemma + `","created_at":"2026-11-29T09:00:00Z"}`

// The list of adapters is read in each of its forms, and polling asks the tuned model nothing.
func TestAdapterStates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		list string
		want providers.DeploymentState
	}{
		"a list in a list": {`[[` + listed + `]]`, providers.DeploymentReady},
		"a list":           {`[` + listed + `]`, providers.DeploymentReady},
		"one object":       {listed, providers.DeploymentReady},
		"none":             {`[[]]`, providers.DeploymentStopped},
	} {
		a := &account{answers: map[string]string{
			"GET /finetunes": `200 {"success":true,"result":` + c.list + `}`, "POST /run/" + gemma: "200 {}",
		}}
		got, err := a.at(t, made).(providers.Host).Deployment(t.Context(), providers.Handle(handle))
		if err != nil || got.State != c.want || got.Direct != gemma+":dl-1" || !got.PerToken || a.asked["POST /run/"+gemma] != "" {
			t.Errorf("%s: %+v, %v, it was asked %s", name, got, err, a.asked["POST /run/"+gemma])
		}
	}
}

// A tuned model that is not known yet is cold for an hour; one that can not answer says so at once.
func TestAdapterThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	failed := func(code string) string {
		return `404 {"success":false,"result":{},"errors":[{"code":` + code + `,"message":"AiError: no"}]}`
	}
	const known, unread = `200 {"success":true,"result":[[` + listed + `]]}`, `503 {}`
	for name, c := range map[string]struct {
		list, chat string
		after      time.Duration
		want       providers.Kind
	}{
		"not spread":     {known, failed("3037"), 59 * time.Minute, providers.KindCold},
		"never spread":   {known, failed("3037"), time.Hour, providers.KindModelGone},
		"deleted":        {`200 {"success":true,"result":[[]]}`, failed("3037"), 0, providers.KindModelGone},
		"a bad moment":   {unread, failed("3037"), 0, providers.KindCold},
		"without files":  {known, failed("3039"), 0, providers.KindInvalid},
		"no base for it": {known, failed("5005"), 0, providers.KindInvalid},
	} {
		a := &account{answers: map[string]string{"GET /finetunes": c.list, "POST /run/" + gemma: c.chat}}
		_, err := a.at(t, made.Add(c.after)).Chat(t.Context(), &providers.Request{
			Model: gemma + ":dl-1", Messages: []providers.Message{providers.TextMessage("user", "Hi")},
		}, nil)
		var asked map[string]any
		if err := json.Unmarshal([]byte(a.asked["POST /run/"+gemma]), &asked); err != nil || asked["lora"] != "dl-1" || asked["model"] != nil {
			t.Errorf("%s: it was asked %v, %v", name, asked, err)
		}
		var e *providers.Error
		if !errors.As(err, &e) || e.Kind != c.want || e.Charge != providers.ChargeNone {
			t.Errorf("%s: %+v", name, err)
		}
	}
}

// An adapter that can be deleted is, and one that can not costs nothing.
func TestAdapterIsDeleted(t *testing.T) {
	t.Parallel()
	for answer, says := range map[string]string{
		`200 {"success":true}`:  "",
		`404 {"success":false}`: "it stays, and costs nothing",
		`405 {"success":false}`: "it stays, and costs nothing",
	} {
		a := &account{answers: map[string]string{
			"GET /finetunes": `200 {"success":true,"result":[[` + listed + `]]}`, "DELETE /finetunes/f1": answer,
		}}
		left, err := a.at(t, made).(providers.Host).Stop(t.Context(), providers.Handle(handle))
		if err != nil || left.State != providers.DeploymentStopped || !strings.Contains(left.Message, says) {
			t.Errorf("%s: %+v, %v", answer, left, err)
		}
	}
}

// What is too large is refused before it is sent, and bases are what the setting names.
func TestAdapterLimits(t *testing.T) {
	t.Parallel()
	a := &account{answers: map[string]string{}}
	importer := a.at(t, made).(providers.Importer)
	open := func(context.Context, string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("")), nil }
	large := providers.Adapter{Name: "dl-1", Base: gemma, Open: open, Files: []providers.AdapterFile{
		{Name: "adapter_config.json", Bytes: 2}, {Name: "adapter_model.safetensors", Bytes: 301 << 20},
	}}
	if _, err := importer.Import(t.Context(), large); providers.KindOf(err) != providers.KindTooLarge {
		t.Errorf("a large adapter: %v", err)
	}
	large.Base = "@cf/openai/gpt-oss-120b"
	if _, err := importer.Import(t.Context(), large); providers.KindOf(err) != providers.KindModelGone {
		t.Errorf("another base: %v", err)
	}
	for name, value := range map[string]string{
		"CLOUDFLARE_LORA_BASES": "@cf/qwen/qwq-32b=Qwen/QwQ-32B", "CLOUDFLARE_LORA_MAX_RANK": "none", "CLOUDFLARE_LORA_MAX_MB": "0",
		"CLOUDFLARE_LORA_MAX_ADAPTERS": "0",
	} {
		values := direct("http://example.org")
		values[name] = value
		if _, err := cloudflare.Vendor.Open(providers.Config{Values: values}); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}

// The account may have so many adapters: with them all, or where its list can not be read, the plan is told.
func TestRoomForAdapters(t *testing.T) {
	t.Parallel()
	thirty := "200 " + `{"result":[[` + strings.Repeat(listed+",", 29) + listed + `]]}`
	for answer, want := range map[string][2]string{
		thirty:                                   {`the quota "LoRAs per account" is 30, 30 of it in use, and 1 more would be needed: delete one`, ""},
		"200 " + `{"result":[[` + listed + `]]}`: {"", ""},
		"200 {}":                                 {"", "not known, as the list of adapters could not be read"},
		"404 {}":                                 {"", "not known, as the list of adapters could not be read"},
		"200 <html>":                             {"", "not known, as the list of adapters could not be read"},
	} {
		a := &account{answers: map[string]string{"GET /finetunes": answer}}
		h, err := a.at(t, made).(providers.Host).Hosting(t.Context(), gemma)
		if err != nil || !strings.HasPrefix(h.Full, want[0]) || (h.Full == "") != (want[0] == "") ||
			!strings.Contains(h.Doubt, want[1]) || (h.Doubt == "") != (want[1] == "") || !h.PerToken {
			t.Errorf("%.40s: %+v, %v", answer, h, err)
		}
	}
}
