package chat

import (
	"net/http/httptest"
	"testing"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/tasks"
)

// TestBeatBeginsAHeldStream has nothing to show for a while: a stream that is held back
// is kept open by comments, any other waits for its first byte, which tells its status.
func TestBeatBeginsAHeldStream(t *testing.T) {
	t.Parallel()
	for recovery, want := range map[string]string{
		tasks.RecoverHold: ": still at work\n\n", tasks.RecoverError: "", tasks.RecoverResume: "", "": "",
	} {
		w := httptest.NewRecorder()
		held := &turn{input: tasks.ChatInput{Recovery: recovery}}
		if err := held.beat(wire.NewSSE(deadlines{w}, false)); err != nil {
			t.Error(err)
		}
		if got := w.Body.String(); got != want {
			t.Errorf("%q: wrote %q, want %q", recovery, got, want)
		}
	}
}

// deadlines takes the write deadlines that a recorder does not know.
type deadlines struct{ *httptest.ResponseRecorder }

func (deadlines) SetWriteDeadline(time.Time) error { return nil }
