package gate

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"dreamlab/cmd/internal/api/wire"
)

func TestRoomOfBodies(t *testing.T) {
	t.Parallel()
	r := room{max: 10}
	whole, err := r.take(25) // larger than the room, but alone
	must(t, err)
	var f *wire.Fault
	if _, err := r.take(1); !errors.As(err, &f) || f.Status != 429 || f.After == 0 {
		t.Errorf("beyond the room: %v", err)
	}
	whole()
	whole() // does nothing
	for range 2 {
		_, err = r.take(5)
		must(t, err)
	}
	if _, err := r.take(1); err == nil {
		t.Error("a body was taken beyond the room")
	}
	chunked := httptest.NewRequest("POST", "/", strings.NewReader("x"))
	chunked.ContentLength = -1
	if got := sizeOf(chunked, 7); got != 7 {
		t.Errorf("a body without a length takes %d", got)
	}
}
