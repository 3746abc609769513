package gcs_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/store/blob"
	"dreamlab/store/blob/blobtest"
	"dreamlab/store/blob/gcs"
	"dreamlab/store/db"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// TestMain starts the emulator, behind a front that can be told to fail. The
// client is shown to it as an operator would: by STORAGE_EMULATOR_HOST.
func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	front := httptest.NewUnstartedServer(nil)
	defer front.Close()
	host := front.Listener.Addr().String()
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true, PublicHost: host})
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the emulator:", err)
		return 1
	}
	server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: "objects"})
	front.Config.Handler = faults(server.HTTPHandler())
	front.Start()
	if err := os.Setenv("STORAGE_EMULATOR_HOST", host); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// faults answers calls that name "status-NNN" with that status, each second
// call only where the name says "once".
func faults(next http.Handler) http.Handler {
	var calls atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target := r.URL.Path + "?" + r.URL.RawQuery
		for _, status := range []int{401, 403, 429, 503} {
			if !strings.Contains(target, fmt.Sprint("status-", status)) {
				continue
			}
			if strings.Contains(target, "once") && calls.Add(1)%2 == 0 {
				continue
			}
			http.Error(w, http.StatusText(status), status)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func open(t *testing.T, location string) *gcs.Bucket {
	t.Helper()
	b, err := gcs.Open(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

var tenants atomic.Int64 // gives each test a prefix of its own

func TestGCS(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) blob.Bucket {
		return open(t, fmt.Sprintf("gs://objects/tests/%d/", tenants.Add(1)))
	})
}

func TestLocations(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", "objects", "s3://objects", "gs://", "gs:///x", "gs://objects?x=y", "gs://%zz",
	} {
		if _, err := gcs.Open(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "gs://bucket") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestPrefixesAreRoomsOfTheirOwn(t *testing.T) {
	t.Parallel()
	room := fmt.Sprint("rooms/", tenants.Add(1), "one")
	whole, one := open(t, "gs://objects"), open(t, "gs://objects/"+room)
	other := open(t, "gs://objects/"+room[:len(room)-1])
	if err := one.Create(t.Context(), "a", strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if found, err := other.List(t.Context(), "", "", 10); err != nil || len(found) > 0 {
		t.Errorf("the other room lists %v, %v", found, err)
	}
	if _, err := whole.Stat(t.Context(), room+"/a"); err != nil {
		t.Error(err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	ctx, b := t.Context(), open(t, "gs://objects/faults")
	for _, status := range []int{401, 403} {
		_, err := b.Stat(ctx, fmt.Sprint("status-", status))
		if err == nil || !strings.Contains(err.Error(), "roles/storage.objectUser") {
			t.Errorf("%d: %v", status, err)
		}
	}
	nowhere := open(t, "gs://no-such-bucket")
	if _, err := nowhere.List(ctx, "", "", 1); err == nil || errors.Is(err, db.ErrNotFound) {
		t.Errorf("a missing bucket: %v", err)
	}
}

// TestRetries meets one fault and goes on, or meets faults without end and
// gives up with the context.
func TestRetries(t *testing.T) {
	t.Parallel()
	b := open(t, "gs://objects/retries")
	if _, err := b.Stat(t.Context(), "once-status-503"); !errors.Is(err, db.ErrNotFound) {
		t.Errorf("after one 503: %v", err)
	}
	large := strings.Repeat("x", 5<<20) // more than a chunk
	for name, content := range map[string]string{"once-status-503-small": "x", "once-status-503-large": large} {
		if err := b.Create(t.Context(), name, strings.NewReader(content)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if about, err := b.Stat(t.Context(), name); err != nil || about.Size != int64(len(content)) {
			t.Errorf("%s: %+v, %v", name, about, err)
		}
	}
	for _, status := range []int{429, 503} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		_, err := b.Stat(ctx, fmt.Sprint("status-", status))
		cancel()
		if !errors.Is(err, db.ErrBusy) {
			t.Errorf("%d for ever: %v", status, err)
		}
	}
}
