package bedrock_test

import (
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/bedrock"
)

const jobARN = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abc123def456"

// account is a Bedrock and an S3 that answer as a test says, and keep what they are sent.
type account struct {
	job    string // the description of the batch
	output string // the file of answers; none where empty

	mu   sync.Mutex
	sent []string // method, path as it came, body
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	a.mu.Lock()
	a.sent = append(a.sent, r.Method+" "+r.RequestURI+" "+string(body))
	a.mu.Unlock()
	switch {
	case r.Method == http.MethodPut:
		answer(200, nil, "").ServeHTTP(w, r)
	case strings.HasPrefix(r.RequestURI, "/s3/") && a.output == "":
		answer(404, nil, `<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>`).ServeHTTP(w, r)
	case strings.HasPrefix(r.RequestURI, "/s3/"):
		answer(200, nil, a.output).ServeHTTP(w, r)
	case r.RequestURI == "/model-invocation-job":
		answer(200, nil, `{"jobArn":"`+jobARN+`"}`).ServeHTTP(w, r)
	default:
		answer(200, nil, a.job).ServeHTTP(w, r)
	}
}

// described is a batch in a state.
func described(status string) string {
	return `{"jobArn":"` + jobARN + `","jobName":"dl-1","modelId":"` + scout + `","status":"` + status + `",` +
		`"submitTime":"2026-03-02T09:00:00Z","endTime":"2026-03-02T10:00:00.5Z","message":"why","totalRecordCount":100,` +
		`"successRecordCount":97,"errorRecordCount":3,` +
		`"inputDataConfig":{"s3InputDataConfig":{"s3Uri":"s3://sandbox/batches/dl-1/requests.jsonl"}},` +
		`"outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://sandbox/batches/dl-1/"}}}`
}

func batcherOver(t *testing.T, a *account) providers.Batcher {
	t.Helper()
	batches, ok := connect(t, a).(providers.Batches)
	if !ok {
		t.Fatal("the driver takes no batches")
	}
	return batches.Batcher()
}

func twoLines(window time.Duration) providers.BatchSpec {
	lines := []providers.BatchLine{{ID: "a", Request: request("one")}, {ID: "b", Request: request("two")}}
	return providers.BatchSpec{
		Name: "dl-1", Model: scout, Lines: len(lines), Window: window,
		Requests: iter.Seq2[providers.BatchLine, error](func(yield func(providers.BatchLine, error) bool) {
			for _, line := range lines {
				if !yield(line, nil) {
					return
				}
			}
		}),
	}
}

var handleOf = providers.Handle(`{"arn":"` + jobARN + `","name":"dl-1"}`)

func TestBatchInBedrocksWords(t *testing.T) {
	t.Parallel()
	for window, hours := range map[time.Duration]string{time.Hour: "24", 25*time.Hour + 1: "26", 400 * time.Hour: "168"} {
		a := &account{job: described("Submitted")}
		if _, err := batcherOver(t, a).Submit(t.Context(), twoLines(window)); err != nil {
			t.Fatal(err)
		}
		want := []string{
			`PUT /s3/sandbox/batches/dl-1/requests.jsonl ` +
				`{"recordId":"a","modelInput":{"messages":[{"role":"user","content":[{"text":"one"}]}]}}` + "\n" +
				`{"recordId":"b","modelInput":{"messages":[{"role":"user","content":[{"text":"two"}]}]}}` + "\n",
			`POST /model-invocation-job {"jobName":"dl-1","modelId":"` + scout + `",` +
				`"roleArn":"arn:aws:iam::123456789012:role/sandbox",` +
				`"inputDataConfig":{"s3InputDataConfig":{"s3InputFormat":"JSONL","s3Uri":"s3://sandbox/batches/dl-1/requests.jsonl"}},` +
				`"outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://sandbox/batches/dl-1/"}},` +
				`"timeoutDurationInHours":` + hours + `,"clientRequestToken":"dl-1","modelInvocationType":"Converse"}`,
			`GET /model-invocation-job/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Amodel-invocation-job%2Fabc123def456 `,
		}
		if strings.Join(a.sent, "\n") != strings.Join(want, "\n") {
			t.Errorf("sent\n%s\nwant\n%s", strings.Join(a.sent, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestBatchStates(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]providers.BatchState{
		"Submitted": providers.BatchQueued, "Validating": providers.BatchQueued, "Scheduled": providers.BatchQueued,
		"InProgress": providers.BatchRunning, "Stopping": providers.BatchRunning, "Dreaming": providers.BatchRunning,
		"Completed": providers.BatchEnded, "PartiallyCompleted": providers.BatchExpired,
		"Expired": providers.BatchExpired, "Failed": providers.BatchFailed, "Stopped": providers.BatchCancelled,
	} {
		got, err := batcherOver(t, &account{job: described(status)}).Poll(t.Context(), handleOf)
		if err != nil || got.State != want || got.Status != status || got.ID != "abc123def456" || got.Done != 97 ||
			got.Failed != 3 || got.Lines != 100 || got.Ended.IsZero() == want.Over() || (got.Reason == "why") != want.Over() {
			t.Errorf("%s: %+v, %v", status, got, err)
		}
	}
}

func TestBatchAnswers(t *testing.T) {
	t.Parallel()
	const said = `"modelInput":{"messages":[]},"modelOutput":{"output":{"message":{"role":"assistant",` +
		`"content":[{"text":"x"}]}},"stopReason":"end_turn","usage":{"inputTokens":5,"outputTokens":3,"totalTokens":8}}`
	a := &account{job: described("Completed"), output: strings.Join([]string{
		`{"recordId":"good",` + said + `}`,
		`{"recordId":"number","error":{"errorCode":429,"errorMessage":"Too many requests"}}`,
		`{"recordId":"text","error":{"errorCode":"500","errorMessage":"oops"}}`,
		`{"recordId":"word","error":{"errorCode":"ModelTimeoutException","errorMessage":"slow"}}`,
		`{"recordId":"unknown","error":{"errorCode":"Strange","errorMessage":"Input is too long for requested model."}}`,
		`{"recordId":"empty","modelOutput":{}}`,
		`{"modelOutput":{}}`, "",
	}, "\n")}
	got := map[string]providers.BatchAnswer{}
	err := batcherOver(t, a).Results(t.Context(), handleOf, func(one providers.BatchAnswer) error {
		got[one.ID] = one
		return nil
	})
	if err != nil || len(got) != 6 {
		t.Fatalf("%d answers, %v", len(got), err)
	}
	if good := got["good"].Reply; good == nil || good.Content != "x" || good.Usage.Output != 3 || good.Model != scout {
		t.Errorf("%+v", good)
	}
	for id, want := range map[string]struct {
		kind   providers.Kind
		charge providers.Charge
	}{
		"number": {providers.KindRateLimit, providers.ChargeNone}, "text": {providers.KindServer, providers.ChargeNone},
		"word": {providers.KindTimeout, providers.ChargeNone}, "unknown": {providers.KindContext, providers.ChargeNone},
		"empty": {providers.KindUnreadable, providers.ChargeUnknown},
	} {
		if e := got[id].Err; e == nil || e.Kind != want.kind || e.Charge != want.charge {
			t.Errorf("%s: %+v, want %+v", id, e, want)
		}
	}
	if last := a.sent[len(a.sent)-1]; last != "GET /s3/sandbox/batches/dl-1/abc123def456/requests.jsonl.out " {
		t.Errorf("the answers were looked for by %q", last)
	}
}

// TestBatchesWithoutAnswers are those that were stopped before any came; where a batch
// is completed its answers have to be there.
func TestBatchesWithoutAnswers(t *testing.T) {
	t.Parallel()
	elsewhere := strings.ReplaceAll(described("Completed"), "s3://sandbox", "s3://other")
	for name, c := range map[string]struct {
		a    *account
		kind providers.Kind
	}{
		"stopped":      {&account{job: described("Stopped")}, ""},
		"completed":    {&account{job: described("Completed")}, providers.KindInvalid},
		"other bucket": {&account{job: elsewhere}, providers.KindInvalid},
		"no JSON":      {&account{job: described("Completed"), output: "<html>\n"}, providers.KindServer},
		"no batch":     {&account{job: "{}"}, providers.KindUnreadable},
	} {
		err := batcherOver(t, c.a).Results(t.Context(), handleOf, func(providers.BatchAnswer) error { return nil })
		if c.kind == "" && err != nil || c.kind != "" && providers.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want %q", name, err, c.kind)
		}
	}
}

// TestObjectErrors are S3's, which are XML.
func TestObjectErrors(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct {
		status int
		kind   providers.Kind
	}{
		"AccessDenied":          {403, providers.KindPermission},
		"SignatureDoesNotMatch": {403, providers.KindAuth},
		"InvalidAccessKeyId":    {403, providers.KindAuth},
		"NoSuchBucket":          {404, providers.KindInvalid},
		"SlowDown":              {503, providers.KindRateLimit},
		"InternalError":         {500, providers.KindServer},
		"Unheard":               {503, providers.KindCapacity},
	} {
		body := `<?xml version="1.0"?><Error><Code>` + code + `</Code><Message>words</Message></Error>`
		_, err := connect(t, answer(c.status, nil, body)).(providers.Batches).Batcher().
			Submit(t.Context(), twoLines(time.Hour))
		var e *providers.Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Code != code || e.Message != "words" || e.Charge != providers.ChargeNone {
			t.Errorf("%s: %+v, want %s", code, e, c.kind)
		}
	}
}

func TestBatchSettings(t *testing.T) {
	t.Parallel()
	base := map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
	with := func(more map[string]string) map[string]string {
		values := map[string]string{}
		for _, some := range []map[string]string{base, more} {
			for name, value := range some {
				values[name] = value
			}
		}
		return values
	}
	role, folder := "arn:aws:iam::123456789012:role/r", "s3://bucket/folder"
	for want, more := range map[string]map[string]string{
		"BEDROCK_BATCH_S3_URI":   {"BEDROCK_BATCH_ROLE_ARN": role},
		"BEDROCK_BATCH_ROLE_ARN": {"BEDROCK_BATCH_S3_URI": folder},
		"such as s3://bucket":    {"BEDROCK_BATCH_ROLE_ARN": role, "BEDROCK_BATCH_S3_URI": "https://bucket"},
		"AWS_ENDPOINT_URL_S3":    {"BEDROCK_BATCH_ROLE_ARN": role, "BEDROCK_BATCH_S3_URI": folder, "AWS_ENDPOINT_URL_S3": "x"},
		"AWS_ACCESS_KEY_ID": {"BEDROCK_BATCH_ROLE_ARN": role, "BEDROCK_BATCH_S3_URI": folder, "AWS_ACCESS_KEY_ID": "",
			"AWS_BEARER_TOKEN_BEDROCK": "k"},
	} {
		_, err := bedrock.Vendor.Open(providers.Config{Values: with(more)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want an error that names %s", more, err, want)
		}
	}
	for _, more := range []map[string]string{{}, {"BEDROCK_BATCH_ROLE_ARN": role, "BEDROCK_BATCH_S3_URI": folder}} {
		driver, err := bedrock.Vendor.Open(providers.Config{Values: with(more)})
		if err != nil {
			t.Fatal(err)
		}
		if _, batches := driver.(providers.Batches); batches != (len(more) > 0) {
			t.Errorf("%v: takes batches: %v", more, batches)
		}
	}
}

// TestBucketAddresses has the bucket in the host's name where its own name allows that.
func TestBucketAddresses(t *testing.T) {
	t.Parallel()
	for folder, want := range map[string]string{
		"s3://bucket":           "https://bucket.s3.eu-central-1.amazonaws.com/dl-1/requests.jsonl",
		"s3://bucket/":          "https://bucket.s3.eu-central-1.amazonaws.com/dl-1/requests.jsonl",
		"s3://bucket/a/b(1)/":   "https://bucket.s3.eu-central-1.amazonaws.com/a/b%281%29/dl-1/requests.jsonl",
		"s3://bucket.of.dots/a": "https://s3.eu-central-1.amazonaws.com/bucket.of.dots/a/dl-1/requests.jsonl",
	} {
		var asked string
		driver, err := bedrock.Vendor.Open(providers.Config{
			Values: map[string]string{
				"BEDROCK_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "s",
				"BEDROCK_BATCH_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "BEDROCK_BATCH_S3_URI": folder,
			},
			HTTP: &http.Client{Transport: carrier(func(r *http.Request) (*http.Response, error) {
				asked = r.URL.String()
				return nil, errors.New("not today")
			})},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = driver.(providers.Batches).Batcher().Submit(t.Context(), twoLines(time.Hour))
		if asked != want || err == nil {
			t.Errorf("%s is asked at %s, want %s (%v)", folder, asked, want, err)
		}
	}
}

// carrier carries requests by a function.
type carrier func(*http.Request) (*http.Response, error)

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

// TestHandleIsPlain keeps the handle readable for what was ordered before.
func TestHandleIsPlain(t *testing.T) {
	t.Parallel()
	got, err := batcherOver(t, &account{job: described("InProgress")}).Poll(t.Context(), handleOf)
	var handle map[string]string
	if err := errors.Join(err, json.Unmarshal(got.Handle, &handle)); err != nil || handle["arn"] != jobARN ||
		handle["name"] != "dl-1" {
		t.Errorf("%s, %v", got.Handle, err)
	}
}
