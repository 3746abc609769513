package lab

import (
	"encoding/json"
	"net/http"
)

// recorder remembers the status of an answer, and holds the answer back where
// it is to be lost.
type recorder struct {
	http.ResponseWriter
	status int
	lost   bool
	gone   bool // a write failed: the client has left
	billed bool
	nano   int64  // what was billed, nano-dollars
	fault  string // that was played in the middle of it
}

// WriteHeader remembers the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	if !r.lost {
		r.ResponseWriter.WriteHeader(status)
	}
}

// Write passes the bytes on unless the answer is to be lost.
func (r *recorder) Write(data []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if r.lost {
		return len(data), nil
	}
	n, err := r.ResponseWriter.Write(data)
	r.gone = r.gone || err != nil
	return n, err
}

// Flush passes what was written on to the client.
func (r *recorder) Flush() {
	if flusher, ok := r.ResponseWriter.(http.Flusher); ok && !r.lost {
		flusher.Flush()
	}
}

// say writes a text; that the client has left shows in gone.
func (r *recorder) say(text string) {
	if _, err := r.Write([]byte(text)); err != nil {
		r.gone = true
	}
}

// WriteJSON answers with v. That the client has left is no error here: nobody
// is there to be told.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil { // what the emulators answer always marshals
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := w.Write(append(data, '\n')); err != nil {
		return
	}
}

// ReadJSON decodes a request's body into v, of which a route has to say what
// is wrong in its vendor's words. Unknown fields are for the route to judge.
func ReadJSON(r *http.Request, v any) error {
	return json.NewDecoder(r.Body).Decode(v)
}
