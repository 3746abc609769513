package client

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// Events go on behind the last one when the stream ends or breaks, and comments are none.
func TestEventsGoOn(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Last-Event-ID") {
		case "":
			fmt.Fprint(w, ": open\n\nid: 1\nevent: job.ended\ndata: {\"id\":\"a\"}\n\n")
		case "1":
			fmt.Fprint(w, "id: 2\nevent: dream.stage\ndata: {\"id\":\ndata: \"b\"}\n\nid: 3\nevent: job.ended\ndata: {")
		case "2":
			fmt.Fprint(w, "id: 3\nevent: job.ended\ndata: {\"id\":\"c\"}\n\n")
		}
	})
	enough := errors.New("enough")
	var got []Event
	err := c.Events(t.Context(), func(e Event) error {
		if got = append(got, e); len(got) == 3 {
			return enough
		}
		return nil
	})
	want := []Event{{"1", "job.ended", `{"id":"a"}`}, {"2", "dream.stage", `{"id":"b"}`}, {"3", "job.ended", `{"id":"c"}`}}
	if !errors.Is(err, enough) || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestEventsRefused(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"error":{"message":"no","code":"forbidden"}}`)
	})
	var refused *Error
	if err := c.Events(t.Context(), func(Event) error { return nil }); !errors.As(err, &refused) || refused.Code != "forbidden" {
		t.Error(err)
	}
}
