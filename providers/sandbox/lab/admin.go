package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Admin serves what is beside the vendors: /_sandbox/payments, requests,
// served, quotas, faults and clock. It asks for no key: it is for the machine it runs on.
func (l *Lab) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sandbox/payments", l.getPayments)
	mux.HandleFunc("GET /_sandbox/requests", l.getRequests)
	mux.HandleFunc("GET /_sandbox/served", l.getServed)
	mux.HandleFunc("GET /_sandbox/quotas", l.Quotas.get)
	mux.HandleFunc("PUT /_sandbox/quotas", l.Quotas.put)
	mux.HandleFunc("GET /_sandbox/faults", l.getFaults)
	mux.HandleFunc("POST /_sandbox/faults", l.postFault)
	mux.HandleFunc("DELETE /_sandbox/faults", l.deleteFaults)
	mux.HandleFunc("GET /_sandbox/clock", l.getClock)
	mux.HandleFunc("POST /_sandbox/clock", l.postClock)
	return mux
}

type listing struct {
	Data any `json:"data"`
}

func (l *Lab) getPayments(w http.ResponseWriter, _ *http.Request) {
	WriteJSON(w, http.StatusOK, listing{l.Payments()})
}

func (l *Lab) getRequests(w http.ResponseWriter, _ *http.Request) {
	WriteJSON(w, http.StatusOK, listing{l.Requests()})
}

func (l *Lab) getFaults(w http.ResponseWriter, _ *http.Request) {
	WriteJSON(w, http.StatusOK, listing{l.Faults()})
}

func (l *Lab) postFault(w http.ResponseWriter, r *http.Request) {
	var fault Fault
	if err := decodeStrictly(w, r, &fault); err != nil {
		refuse(w, err)
		return
	}
	if err := l.AddFault(fault); err != nil {
		refuse(w, err)
		return
	}
	WriteJSON(w, http.StatusOK, listing{l.Faults()})
}

func (l *Lab) deleteFaults(w http.ResponseWriter, _ *http.Request) {
	l.ClearFaults()
	WriteJSON(w, http.StatusOK, listing{l.Faults()})
}

type clockState struct {
	Now   time.Time `json:"now"`
	Speed float64   `json:"speed"` // lab seconds per wall second
}

func (l *Lab) getClock(w http.ResponseWriter, _ *http.Request) {
	WriteJSON(w, http.StatusOK, clockState{l.Now(), l.Clock.Speed()})
}

func (l *Lab) postClock(w http.ResponseWriter, r *http.Request) {
	var move struct {
		Advance string   `json:"advance"`
		Speed   *float64 `json:"speed"`
	}
	if err := decodeStrictly(w, r, &move); err != nil {
		refuse(w, err)
		return
	}
	if move.Advance == "" && move.Speed == nil {
		refuse(w, errors.New(`give "advance", such as "2h", or "speed", lab seconds per second`))
		return
	}
	if move.Speed != nil && (*move.Speed < 0 || *move.Speed > 1e6) {
		refuse(w, errors.New(`"speed" must be from 0 to 1000000`))
		return
	}
	if move.Advance != "" {
		by, err := time.ParseDuration(move.Advance)
		if err != nil || by < 0 {
			refuse(w, fmt.Errorf(`"advance" must be a duration ahead, such as "90m": %q`, move.Advance))
			return
		}
		l.Advance(by)
	}
	if move.Speed != nil {
		l.SetSpeed(*move.Speed)
	}
	l.getClock(w, r)
}

// decodeStrictly refuses fields that it does not know: a misspelt fault that
// is never played would make a test pass for nothing.
func decodeStrictly(w http.ResponseWriter, r *http.Request, v any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return fmt.Errorf("read the body: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

func refuse(w http.ResponseWriter, err error) {
	WriteJSON(w, http.StatusBadRequest, map[string]any{
		"error": map[string]string{"message": err.Error(), "type": "invalid_request_error"},
	})
}
