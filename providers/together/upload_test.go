package together_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dreamlab/providers"
	"dreamlab/providers/together"
)

func TestSignedAddressGetsNoKey(t *testing.T) {
	t.Parallel()
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.ContentLength != 3 {
			t.Errorf("the storage got %q and %d bytes", r.Header.Get("Authorization"), r.ContentLength)
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	defer storage.Close()
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", storage.URL+"/bucket?X-Goog-Signature=topsecret")
		w.Header().Set("X-Together-File-Id", "file-1")
		w.WriteHeader(http.StatusFound)
	}))
	defer vendor.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	driver, err := together.Vendor.Open(providers.Config{Values: settings(vendor.URL), HTTP: client})
	if err != nil {
		t.Fatal(err)
	}
	file := providers.Upload{Name: "x.jsonl", Size: 3, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("abc")), nil
	}}
	_, err = driver.(providers.Trains).Trainer().(providers.Filer).Upload(t.Context(), file)
	if err == nil || strings.Contains(err.Error(), "topsecret") {
		t.Errorf("got %v, want an error without the signature", err)
	}
}
