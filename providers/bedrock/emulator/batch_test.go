package emulator_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"dreamlab/providers/sandbox/sandboxtest"
)

// object asks S3, with a signature by AWS's own signer.
func object(t *testing.T, rig *sandboxtest.Rig, method, key, body string, change func(*http.Request)) *sandboxtest.Answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, rig.URL+"/s3/bucket/"+key, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	request.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	once := func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }
	keys := aws.Credentials{AccessKeyID: "AKIASANDBOX", SecretAccessKey: "sandbox"}
	err = v4.NewSigner().SignHTTP(t.Context(), keys, request, hex.EncodeToString(sum[:]), "s3", "us-east-1", time.Now(), once)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(request)
	}
	return rig.Send(request)
}

func TestObjects(t *testing.T) {
	t.Parallel()
	rig := start(t)
	rig.Want(object(t, rig, "PUT", "a/b%20%28c%29", "words", nil), 200)
	if got := rig.Want(object(t, rig, "GET", "a/b%20%28c%29", "", nil), 200); string(got.Body) != "words" {
		t.Errorf("got %s", got.Body)
	}
	if got := rig.Want(object(t, rig, "HEAD", "a/b%20%28c%29", "", nil), 200); got.Header.Get("Content-Length") != "5" {
		t.Errorf("got %v", got.Header)
	}
	for range 2 { // S3 does not tell whether there was one
		rig.Want(object(t, rig, "DELETE", "a/b%20%28c%29", "", nil), 204)
	}
	rig.Want(object(t, rig, "HEAD", "a/b%20%28c%29", "", nil), 404)
	for code, got := range map[string]*sandboxtest.Answer{
		"NoSuchKey":        object(t, rig, "GET", "none", "", nil),
		"MethodNotAllowed": object(t, rig, "POST", "a/b", "", nil),
		"SignatureDoesNotMatch": object(t, rig, "GET", "none", "", func(r *http.Request) {
			r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		}),
		"XAmzContentSHA256Mismatch": object(t, rig, "GET", "none", "", func(r *http.Request) {
			r.Header.Set("X-Amz-Content-Sha256", strings.Repeat("0", 64))
		}),
		"MissingSecurityHeader": object(t, rig, "GET", "none", "", func(r *http.Request) {
			r.Header.Del("X-Amz-Content-Sha256")
		}),
		"AccessDenied": rig.Do("GET", "/s3/bucket/none", nil), // an API key
	} {
		if got.Status < 400 || !strings.Contains(string(got.Body), "<Code>"+code+"</Code>") {
			t.Errorf("%s: %d %s", code, got.Status, got.Body)
		}
	}
}

func order(name string, more map[string]any) map[string]any {
	s3 := func(member, uri string, more map[string]any) map[string]any {
		more["s3Uri"] = uri
		return map[string]any{member: more}
	}
	body := map[string]any{
		"jobName": name, "modelId": scout, "roleArn": "arn:aws:iam::123456789012:role/r", "modelInvocationType": "Converse",
		"inputDataConfig":  s3("s3InputDataConfig", "s3://bucket/in.jsonl", map[string]any{"s3InputFormat": "JSONL"}),
		"outputDataConfig": s3("s3OutputDataConfig", "s3://bucket/out/", map[string]any{}),
	}
	for key, value := range more {
		body[key] = value
	}
	return body
}

// TestShortBatches are taken, and fail when they are checked.
func TestShortBatches(t *testing.T) {
	t.Parallel()
	rig := start(t)
	var lines strings.Builder
	for i := range 2 {
		fmt.Fprintf(&lines, `{"recordId":"r%d","modelInput":{"messages":[{"role":"user","content":[{"text":"x"}]}]}}`+"\n", i)
	}
	rig.Want(object(t, rig, "PUT", "in.jsonl", lines.String(), nil), 200)
	made := rig.Want(rig.Do("POST", "/model-invocation-job", order("short", nil)), 200)
	at := "/model-invocation-job/" + strings.NewReplacer(":", "%3A", "/", "%2F").Replace(made.Text("jobArn"))
	rig.Want(rig.Do("GET", at, nil), 200).Is(t, 0, "status", "Validating", "timeoutDurationInHours", "24")
	rig.Lab.Advance(time.Hour)
	got := rig.Want(rig.Do("GET", at, nil), 200)
	got.Is(t, 0, "status", "Failed", "endTime", "2026-03-02T09:01:00Z")
	if !strings.Contains(got.Text("message"), "contains less records (2) than the required minimum of: 100") {
		t.Errorf("it says %s", got.Text("message"))
	}
	if paid := rig.Payment("bedrock", scout); paid.Calls != 0 {
		t.Errorf("paid %+v", paid)
	}
	got = rig.Do("GET", "/model-invocation-job/"+strings.ReplaceAll(made.Text("jobArn"), ":", "%3A"), nil)
	if got.Status != 404 || !strings.HasPrefix(got.Header.Get("x-amzn-ErrorType"), "UnknownOperationException") {
		t.Errorf("an ARN of two segments: %d %s", got.Status, got.Body)
	}
}

func TestRefusedOrders(t *testing.T) {
	t.Parallel()
	rig := start(t)
	rig.Want(object(t, rig, "PUT", "in.jsonl", "{}", nil), 200)
	rig.Want(rig.Do("POST", "/model-invocation-job", order("taken", nil)), 200)
	file := map[string]any{"s3OutputDataConfig": map[string]any{"s3Uri": "s3://bucket/file"}}
	gone := map[string]any{"s3InputDataConfig": map[string]any{"s3Uri": "s3://bucket/none", "s3InputFormat": "JSONL"}}
	for name, more := range map[string]map[string]any{
		"_":     {},
		"role":  {"roleArn": "me"},
		"model": {"modelId": "nobody:0"},
		"early": {"timeoutDurationInHours": 1},
		"kind":  {"modelInvocationType": "InvokeModel"},
		"out":   {"outputDataConfig": file},
		"in":    {"inputDataConfig": gone},
	} {
		got := rig.Do("POST", "/model-invocation-job", order(name, more))
		if got.Status != 400 || !strings.HasPrefix(got.Header.Get("x-amzn-ErrorType"), "ValidationException") {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	got := rig.Do("POST", "/model-invocation-job", order("taken", nil))
	if got.Status != 400 || !strings.HasPrefix(got.Header.Get("x-amzn-ErrorType"), "ConflictException") {
		t.Errorf("a name in use: %d %s", got.Status, got.Body)
	}
}
