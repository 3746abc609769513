package dream_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"dreamlab/handlers/all"
	"dreamlab/handlers/dream/presidio"
	"dreamlab/handlers/handlertest"
	"dreamlab/tasks"
)

// TestPersonalDataThatAServiceFindsIsNotKept has a service that knows a name that no form tells, and then one that
// is away: what can not be looked through is left to another dream, which says why.
func TestPersonalDataThatAServiceFindsIsNotKept(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		found := "[]"
		if strings.Contains(string(body), "kettle 3 ") {
			found = `[{"entity_type": "PERSON", "start": 0, "end": 7, "score": 0.85}]`
		}
		fmt.Fprint(w, found)
	}))
	t.Cleanup(service.Close)
	b := handlertest.New(t)
	e := b.Start(t, func(d *all.Deps) {
		d.Dream.Personal = presidio.Analyzer{URL: service.URL, Language: "en", Score: 0.6}
	})
	b.Import(t, e, orders(12))
	d, _ := b.Dream(t, e, tasks.DreamInput{}, nil)
	if n := d.Counts; n.Kept+n.HeldOut+n.Rejected["personal_data"] != 12 || n.Rejected["personal_data"] > 1 || n.Kept < 6 || d.Stopped != "" {
		t.Errorf("counts %+v, stopped %q", n, d.Stopped)
	}
	if n := d.Counts.Rejected["personal_data"]; n+d.Counts.HeldOut == 0 {
		t.Errorf("the row with the name was kept: %+v", d.Counts)
	}
	away.Store(true)
	var later bytes.Buffer
	for i := range 12 {
		later.Write(line(100+i, false, fmt.Sprintf("How long does the green lamp %d burn on one charge?", i),
			fmt.Sprintf("The green lamp %d burns ten hours on one charge, as long as it is not very cold.", i), nil))
	}
	b.Import(t, e, later.Bytes())
	again, _ := b.Dream(t, e, tasks.DreamInput{}, nil)
	n := again.Counts
	if n.Kept != 0 || n.Imagined != 0 || n.Rejected["unchecked"] != 1 ||
		!strings.Contains(again.Stopped, "the Presidio service could not be asked: it answered with status 503") {
		t.Errorf("counts %+v, stopped %q", n, again.Stopped)
	}
	fresh, err := b.Store.FreshCount(t.Context(), b.Tenant, 100)
	if left := n.Rejected["unchecked"] + n.Rejected["stopped"]; err != nil || fresh != left || left < 6 {
		t.Errorf("%d wait for another dream, %d were left, %v", fresh, left, err)
	}
}
