package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// faulty is a bucket that can be told to refuse deletions, and to break off what is
// read of it.
type faulty struct {
	blob.Bucket
	keeps  atomic.Bool
	breaks atomic.Int64 // bytes after which an object breaks off, 0 for none
}

var errBucket = errors.New("the bucket does not answer")

func (b *faulty) Delete(ctx context.Context, name string) error {
	if b.keeps.Load() {
		return errBucket
	}
	return b.Bucket.Delete(ctx, name)
}

func (b *faulty) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	object, err := b.Bucket.Open(ctx, name)
	if n := b.breaks.Load(); err == nil && n > 0 {
		broken := io.MultiReader(io.LimitReader(object, n), iotest.ErrReader(errBucket))
		return struct {
			io.Reader
			io.Closer
		}{broken, object}, nil
	}
	return object, err
}

func newFaultyRig(t *testing.T) (*rig, *faulty) {
	bucket := &faulty{}
	r := newRig(t, func(o *Options) {
		bucket.Bucket = o.Bucket
		o.Bucket = bucket
	})
	return r, bucket
}

// TestRepeatedUploadKeepsTheFirst sends the same file, and the same import, again
// while the bucket deletes nothing: the first upload's content stays, whatever
// becomes of the second's.
func TestRepeatedUploadKeepsTheFirst(t *testing.T) {
	t.Parallel()
	r, bucket := newFaultyRig(t)
	send := func(content string) answer {
		body, kind := multipartBody(t, [2]string{"purpose", "fine-tune"}, [2]string{"file", content})
		return r.do(request{method: "POST", path: "/v1/files", body: body,
			header: map[string]string{"Content-Type": kind, "Idempotency-Key": "f"}})
	}
	lines := func(key string) answer {
		return r.do(request{method: "POST", path: "/v1/experiences", body: oneConversation + "\n",
			header: map[string]string{"Content-Type": "application/x-ndjson", "Idempotency-Key": key}})
	}
	file, job := send("{}").want(t, 200, "").text(t, "id"), lines("i").want(t, 202, "").text(t, "id")
	for _, keeps := range []bool{true, false} {
		bucket.keeps.Store(keeps)
		if again := send("{}").want(t, 200, "").text(t, "id"); again != file {
			t.Errorf("the same upload made another file")
		}
		if again := lines("i").want(t, 202, "").text(t, "id"); again != job {
			t.Errorf("the same import made another job")
		}
		send("{ }").want(t, 409, "idempotency_conflict")
		if got := r.get("/v1/files/"+file+"/content").want(t, 200, ""); string(got.body) != "{}" {
			t.Errorf("the first file holds %q", got.body)
		}
		if _, err := r.bucket.Stat(t.Context(), blob.ImportObject(job)); err != nil {
			t.Errorf("the first import's lines: %v", err)
		}
	}
	if !strings.Contains(r.log.String(), "remove an upload that is not needed") {
		t.Error("the log does not tell of what could not be removed")
	}
}

// TestDeletedFileThoughTheBucketKeepsIt has a file be gone for its client.
func TestDeletedFileThoughTheBucketKeepsIt(t *testing.T) {
	t.Parallel()
	r, bucket := newFaultyRig(t)
	body, kind := multipartBody(t, [2]string{"purpose", "fine-tune"}, [2]string{"file", "{}"})
	id := r.do(request{method: "POST", path: "/v1/files", body: body,
		header: map[string]string{"Content-Type": kind}}).want(t, 200, "").text(t, "id")
	bucket.keeps.Store(true)
	r.do(request{method: "DELETE", path: "/v1/files/" + id}).want(t, 200, "")
	r.get("/v1/files/"+id).want(t, 404, "not_found")
}

// TestCutDownload reads a file and a dataset whose object breaks off in the middle:
// the client sees that it has not all of it. A whole one has its length said.
func TestCutDownload(t *testing.T) {
	t.Parallel()
	r, bucket := newFaultyRig(t)
	s := r.seed()
	rows := strings.Repeat(`{"messages":[]}`+"\n", 20_000)
	body, kind := multipartBody(t, [2]string{"purpose", "fine-tune"}, [2]string{"file", rows})
	file := r.do(request{method: "POST", path: "/v1/files", body: body,
		header: map[string]string{"Content-Type": kind}}).want(t, 200, "").text(t, "id")
	must(t, r.bucket.Create(t.Context(), blob.DatasetObject("cut"), strings.NewReader(rows)))
	dataset, _, err := r.store.AddDataset(t.Context(), learn.Dataset{ID: db.NewID("ds_"), Tenant: s.tenant,
		Alias: "assistant", SHA256: "cut", Object: blob.DatasetObject("cut")}, nil)
	must(t, err)
	for _, path := range []string{"/v1/files/" + file + "/content", "/v1/datasets/" + dataset.ID + "/content"} {
		for _, method := range []string{"GET", "HEAD"} {
			res, got, err := r.download(t, method, path)
			if err != nil || res.ContentLength != int64(len(rows)) || method == "GET" && len(got) != len(rows) {
				t.Errorf("%s %s: length %d, %d bytes, %v", method, path, res.ContentLength, len(got), err)
			}
		}
		bucket.breaks.Store(100_000)
		if _, got, err := r.download(t, "GET", path); err == nil {
			t.Errorf("%s broke off after %d bytes and looks whole", path, len(got))
		}
		bucket.breaks.Store(0)
	}
}

func (r *rig) download(t *testing.T, method, path string) (*http.Response, []byte, error) {
	t.Helper()
	res, err := http.DefaultClient.Do(r.build(request{method: method, path: path}))
	must(t, err)
	body, err := io.ReadAll(res.Body)
	must(t, res.Body.Close())
	return res, body, err
}
