package bedrock_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"dreamlab/providers"
	"dreamlab/providers/bedrock"
)

// FuzzStream gives the driver any bytes as a stream: it ends with an answer or with an
// error of the closed kinds.
func FuzzStream(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x00\x00\x00\x10\x00\x00\x00\x00"))
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		streaming(body).ServeHTTP(w, r)
	}))
	transport := &http.Transport{}
	f.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	driver, err := bedrock.Vendor.Open(providers.Config{
		Values: settings(server.URL), HTTP: &http.Client{Transport: transport},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, body = range [][]byte{data, framed(t, "messageStart "+string(data)), framed(t, "contentBlockDelta "+string(data))} {
			reply, err := driver.Chat(t.Context(), request("?"), ignore)
			if err == nil && reply.Finish == "" || err != nil && providers.KindOf(err) == "" {
				t.Errorf("%q: %+v, %v", body, reply, err)
			}
		}
	})
}
