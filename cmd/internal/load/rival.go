package load

import (
	"context"
	"net/http"
)

// Vendor starts the loads' vendor for another program, and returns its base URL.
func Vendor() (url string, stop func() error) {
	v := startVendor()
	return v.url, v.close
}

// Chats sends n chats to another program's gateway from so many clients that never pause, as
// the load chat32 does, and returns the answered chats a second.
func Chats(ctx context.Context, url string, header http.Header, n, clients int) (float64, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client, next := &http.Client{Transport: transport}, counting()
	found, took := closed(n, clients, func() (timing, error) {
		q := question{url: url, body: body(next(), false), status: http.StatusOK, header: header}
		return q.ask(ctx, client)
	})
	return rate(n, took), found.fault()
}
