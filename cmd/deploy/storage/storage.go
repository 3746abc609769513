// Package storage is a Cloud Run function that passes the events of a bucket on to Dream Lab, for
// places where Eventarc can not reach it:
//
//	gcloud run deploy dreamlab-storage --source . --function Forward --no-allow-unauthenticated \\
//	  --set-env-vars DREAMLAB_URL=https://lab.example
//
// Its service account is the one that DREAMLAB_EVENTS_ACCOUNT names there. It keeps nothing: an
// event that could not be passed on is refused, and Eventarc sends it again.
package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Bounds of one event.
const (
	maxEvent = 1 << 20 // bytes
	timeout  = 30 * time.Second
)

// metadata gives out the identity tokens of the function's service account
// (https://cloud.google.com/docs/authentication/get-id-token#metadata-server).
const metadata = "http://metadata.google.internal"

// Forward passes an event on.
func Forward(w http.ResponseWriter, r *http.Request) {
	base := strings.TrimRight(os.Getenv("DREAMLAB_URL"), "/")
	f := forwarder{target: base + "/v1/events/storage", metadata: metadata, client: &http.Client{Timeout: timeout}}
	f.ServeHTTP(w, r)
}

type forwarder struct {
	target, metadata string
	client           *http.Client
}

// ServeHTTP answers 204 where the event was taken, or never will be, and 503 where it is worth
// sending again.
func (f forwarder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, err := f.pass(r)
	switch {
	case err != nil:
		log.Printf("pass the event %s on: %v", r.Header.Get("Ce-Id"), err)
		w.WriteHeader(http.StatusServiceUnavailable)
	case status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge:
		log.Printf("the event %s was refused: HTTP %d", r.Header.Get("Ce-Id"), status)
		w.WriteHeader(http.StatusNoContent)
	case status >= http.StatusMultipleChoices:
		log.Printf("the event %s was not taken: HTTP %d", r.Header.Get("Ce-Id"), status)
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// pass sends the event with a token of its own and returns the status of the answer.
func (f forwarder) pass(r *http.Request) (int, error) {
	event, err := io.ReadAll(io.LimitReader(r.Body, maxEvent+1))
	if err != nil {
		return 0, fmt.Errorf("read the event: %w", err)
	}
	if len(event) > maxEvent {
		return http.StatusRequestEntityTooLarge, nil
	}
	token, err := f.token(r.Context())
	if err != nil {
		return 0, fmt.Errorf("ask for a token: %w", err)
	}
	q, err := http.NewRequestWithContext(r.Context(), http.MethodPost, f.target, bytes.NewReader(event))
	if err != nil {
		return 0, err
	}
	for name, values := range r.Header {
		if name == "Content-Type" || strings.HasPrefix(name, "Ce-") {
			q.Header[name] = values
		}
	}
	q.Header.Set("Authorization", "Bearer "+token)
	answer, err := f.client.Do(q)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// token asks for an identity token that is made for the route.
func (f forwarder) token(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	where := f.metadata + "/computeMetadata/v1/instance/service-accounts/default/identity?format=full&audience=" +
		url.QueryEscape(f.target)
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return "", err
	}
	q.Header.Set("Metadata-Flavor", "Google")
	answer, err := f.client.Do(q)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxEvent))
	if err = errors.Join(err, answer.Body.Close()); err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d", answer.StatusCode)
	}
	return strings.TrimSpace(string(text)), err
}
