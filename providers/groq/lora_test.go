package groq_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/groq"
)

// hostAt opens the driver on an account that answers as a script says, by method and path.
func hostAt(t *testing.T, now time.Time, answers map[string]string) providers.Driver {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, said, _ := strings.Cut(answers[r.Method+" "+r.URL.Path], " ")
		w.WriteHeader(map[string]int{"200": 200, "403": 403, "503": 503, "404": 404, "": 404}[status])
		if _, err := w.Write([]byte(said)); err != nil {
			panic(http.ErrAbortHandler)
		}
	}))
	transport := &http.Transport{}
	t.Cleanup(func() { transport.CloseIdleConnections(); server.Close() })
	driver, err := groq.Vendor.Open(providers.Config{
		Values: settings(server.URL), HTTP: &http.Client{Transport: transport}, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

// An account that is not approved says so before anything is trained.
func TestUnapprovedAccount(t *testing.T) {
	t.Parallel()
	const refused = `403 {"error":{"message":"Your organization may not use this resource.","type":"permissions_error"}}`
	driver := hostAt(t, time.Now(), map[string]string{"GET /v1/fine_tunings": refused})
	_, err := driver.(providers.Host).Hosting(t.Context(), "openai/gpt-oss-20b")
	if providers.KindOf(err) != providers.KindModelGone || !strings.Contains(err.Error(), "enterprise") {
		t.Errorf("hosting: %v", err)
	}
}

// A tuned model that is not known yet is cold for an hour, and polling asks it nothing.
func TestAdapterStates(t *testing.T) {
	t.Parallel()
	const (
		handle = `{"name":"dl-1","base":"openai/gpt-oss-20b"}`
		list   = `200 {"data":[{"id":"ft_1","name":"dl-1","base_model":"openai/gpt-oss-20b","fine_tuned_model":"ft:dl-1","created_at":1764406800}]}`
		none   = `200 {"data":[]}`
	)
	for name, c := range map[string]struct {
		list  string
		after time.Duration
		state providers.DeploymentState
		kind  providers.Kind
	}{
		"not yet":        {list, 59 * time.Minute, providers.DeploymentReady, providers.KindCold},
		"never":          {list, time.Hour, providers.DeploymentReady, providers.KindModelGone},
		"not registered": {none, 0, providers.DeploymentStopped, providers.KindModelGone},
		"a bad moment":   {`503 {}`, 0, "", providers.KindCold},
		"not approved":   {`403 {}`, 0, "", providers.KindModelGone},
	} {
		driver := hostAt(t, time.Unix(1764406800, 0).Add(c.after), map[string]string{
			"GET /v1/fine_tunings":             c.list,
			"POST /openai/v1/chat/completions": `404 {"error":{"message":"The model does not exist","code":"model_not_found"}}`,
		})
		got, err := driver.(providers.Host).Deployment(t.Context(), providers.Handle(handle))
		if got.State != c.state || (err != nil) != (c.state == "") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		_, err = driver.Chat(t.Context(), &providers.Request{
			Model: "ft:dl-1", Messages: []providers.Message{providers.TextMessage("user", "Hi")},
		}, nil)
		var e *providers.Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Charge != providers.ChargeNone {
			t.Errorf("%s: %+v", name, err)
		}
	}
}

// Settings that can not be are named, and without bases the account serves no adapters.
func TestLoraSettings(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"GROQ_LORA_BASES": "llama", "GROQ_LORA_MAX_RANK": "0"} {
		values := settings("http://example.org")
		values[name] = value
		if _, err := groq.Vendor.Open(providers.Config{Values: values}); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
	values := settings("http://example.org")
	delete(values, "GROQ_LORA_BASES")
	driver, err := groq.Vendor.Open(providers.Config{Values: values})
	if _, hosts := driver.(providers.Host); err != nil || hosts {
		t.Errorf("it serves adapters: %v, %v", hosts, err)
	}
}
