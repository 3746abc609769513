package lab

import (
	"bytes"
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxBody bounds a JSON request, in bytes.
const maxBody = 32 << 20

// maxHang is how long the sandbox keeps a connection that it means to leave
// without an answer, in wall time.
const maxHang = 10 * time.Minute

// Vendor is what the lab has to know of an emulator to stand in front of it.
type Vendor struct {
	Name string
	// Fail writes an error as the vendor does.
	Fail func(http.ResponseWriter, Failure)
	// Keyless tells which requests need no key. Defaults to none.
	Keyless func(*http.Request) bool
	// Admit checks the credential of a request and returns what is wrong with it. It
	// may read the body, which it has to put back. Defaults to asking for the lab's
	// credential as a bearer token.
	Admit func(*http.Request) *Failure
	// Model returns the model that a request asks, where its body does not say. Where it
	// is nil or returns "", that is the member "model" of the body.
	Model func(*http.Request) string
}

// visit is one request on its way through an emulator.
type visit struct {
	lab    *Lab
	vendor Vendor
	writer *recorder
	req    *http.Request
	model  string
	tier   string // of service
	fault  string
}

// Emulator is the handler of an emulator, with the lab that it stands in.
type Emulator struct {
	*Lab
	http.Handler
}

// Serve stands in front of an emulator's routes: it marks the answer as the
// sandbox's, asks for the key, plays the faults that any route can have, and
// keeps the log of requests. What it returns is an [Emulator].
func (l *Lab) Serve(vendor Vendor, routes http.Handler) http.Handler {
	return Emulator{Lab: l, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := NewID("req_")
		w.Header().Set(Header, "true")
		w.Header().Set("x-request-id", id)
		v := &visit{lab: l, vendor: vendor, writer: &recorder{ResponseWriter: w}, req: r}
		defer v.log(id)
		if v.admit() && v.play() {
			routes.ServeHTTP(v.writer, v.req)
			v.lose()
		}
	})}
}

func (v *visit) log(id string) {
	v.lab.journal.add(Request{
		Time: v.lab.Now(), Vendor: v.vendor.Name, Method: v.req.Method, Path: v.req.URL.Path,
		Status: v.writer.status, Model: v.model, ID: id, Fault: cmp.Or(v.fault, v.writer.fault),
		Trace: v.req.Header.Get("Traceparent"), Billed: v.writer.billed, NanoUSD: v.writer.nano,
	})
}

// admit checks the key and reads the model's name.
func (v *visit) admit() bool {
	if refused := v.refused(); refused != nil {
		v.fail(*refused)
		return false
	}
	if !strings.Contains(v.req.Header.Get("Content-Type"), "json") {
		return true
	}
	body, err := io.ReadAll(http.MaxBytesReader(v.writer, v.req.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		v.fail(Failure{Status: http.StatusRequestEntityTooLarge, Message: "Request body too large."})
		return false
	}
	if err != nil { // the client left: nobody is there to be told
		return false
	}
	if v.vendor.Model != nil {
		v.model = v.vendor.Model(v.req)
	}
	model, tier := namedIn(body)
	v.model, v.tier = cmp.Or(v.model, model), tier
	v.req.Body = io.NopCloser(bytes.NewReader(body))
	return true
}

// refused says what is wrong with the request's credential.
func (v *visit) refused() *Failure {
	switch {
	case v.vendor.Keyless != nil && v.vendor.Keyless(v.req):
		return nil
	case v.vendor.Admit != nil:
		return v.vendor.Admit(v.req)
	case v.lab.KeyFits(Bearer(v.req)):
		return nil
	}
	return &Failure{Status: http.StatusUnauthorized}
}

// Bearer returns the request's bearer token, "" where it has none.
func Bearer(r *http.Request) string {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		return ""
	}
	return token
}

// KeyFits tells whether a key is the lab's credential.
func (l *Lab) KeyFits(key string) bool {
	return subtle.ConstantTimeCompare([]byte(key), []byte(l.options.Credential)) == 1
}

// namedIn returns the request's model and its tier of service, empty where it has none;
// whether the body is sound is for the route to say.
func namedIn(body []byte) (model, tier string) {
	var named struct {
		Model    any `json:"model"`
		Tier     any `json:"service_tier"`
		Converse any `json:"serviceTier"` // Bedrock's
	}
	if json.Unmarshal(body, &named) != nil {
		return "", ""
	}
	if object, is := named.Converse.(map[string]any); is {
		named.Tier = object["type"]
	}
	model, _ = named.Model.(string)
	tier, _ = named.Tier.(string)
	return model, tier
}

func (v *visit) take(kinds ...string) (Fault, bool) {
	target := Target{v.vendor.Name, v.req.Method, v.req.URL.Path, v.model, v.tier}
	f, found := v.lab.script.take(target, kinds...)
	if found {
		v.fault = f.Kind
	}
	return f, found
}

// play plays the faults that come before the route, and tells whether the
// route is still to be asked.
func (v *visit) play() bool {
	if f, found := v.take(FaultDelay); found {
		Wait(v.req.Context(), time.Duration(f.MS)*time.Millisecond)
	}
	f, found := v.take(FaultHang, FaultDrop, FaultDropAfter, FaultStatus, FaultGarbage, FaultRateLimit,
		FaultCapacity, FaultFilter)
	if !found {
		return true
	}
	if f.Kind == FaultDropAfter {
		v.writer.lost = true
		return true
	}
	for name, value := range f.Headers {
		v.writer.Header().Set(name, value)
	}
	switch f.Kind {
	case FaultHang:
		Wait(v.req.Context(), maxHang)
		v.cut()
	case FaultDrop:
		v.cut()
	case FaultStatus:
		v.status(f)
	case FaultGarbage:
		v.garbage()
	case FaultRateLimit:
		v.fail(Failure{Status: http.StatusTooManyRequests, Message: f.Message, RetryAfter: orTwo(f)})
	case FaultCapacity:
		v.fail(Failure{Status: http.StatusServiceUnavailable, Message: f.Message, Full: true})
	case FaultFilter:
		v.fail(Failure{Status: http.StatusBadRequest, Message: f.Message, Code: ContentFiltered})
	}
	return false
}

func orTwo(f Fault) string {
	if after := f.retryAfter(); after != "" {
		return after
	}
	return "2"
}

// Wait returns after a wall duration or when the context ends.
func Wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// cut ends the connection without an answer.
func (v *visit) cut() {
	v.writer.status = 0
	panic(http.ErrAbortHandler)
}

// lose plays the loss of an answer that was earned and billed: the recorder
// has held it back.
func (v *visit) lose() {
	if v.writer.lost {
		v.cut()
	}
}

func (v *visit) fail(f Failure) { v.vendor.Fail(v.writer, f) }

func (v *visit) status(f Fault) {
	if len(f.Body) == 0 {
		v.fail(Failure{Status: f.Status, Message: f.Message, RetryAfter: f.retryAfter()})
		return
	}
	if after := f.retryAfter(); after != "" {
		v.writer.Header().Set("Retry-After", after)
	}
	var text string
	if json.Unmarshal(f.Body, &text) == nil {
		v.writer.WriteHeader(f.Status)
		v.writer.say(text)
		return
	}
	WriteJSON(v.writer, f.Status, f.Body)
}

func (v *visit) garbage() {
	v.writer.Header().Set("Content-Type", "application/json")
	v.writer.WriteHeader(http.StatusOK)
	v.writer.say(`{"choices":[{"message":{"conte`)
}
