package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// endless is a server whose work never ends; seen is called when it is looked at.
func endless(t *testing.T, seen func()) map[string]string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		id := map[string]string{"experiences": "job_1", "dreams": "drm_1", "tunes": "tun_1"}[strings.Split(r.URL.Path, "/")[2]]
		if r.Method == http.MethodGet {
			seen()
			<-r.Context().Done()
			return
		}
		if _, err := io.WriteString(w, `{"id":"`+id+`","status":"running"}`); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return map[string]string{"DREAMLAB_URL": server.URL, "DREAMLAB_KEY": "dl-x"}
}

// Who stops waiting is told that the work goes on, under which id, and where it is
// seen.
func TestWaitsThatEndEarly(t *testing.T) {
	t.Parallel()
	rows := writeFile(t, "rows.jsonl", pair)
	for want, args := range map[string][]string{
		"drm_1 goes on at the server: GET /v1/dreams/drm_1 shows it": {"dream", "--wait"},
		"tun_1 goes on at the server: GET /v1/tunes/tun_1 shows it":  {"tune", "--wait"},
		"job_1 goes on at the server: GET /v1/jobs/job_1 shows it":   {"import", "--wait", rows},
	} {
		ctx, stop := context.WithCancel(t.Context())
		out, errs := newScreen(), newScreen()
		sh := shell{in: strings.NewReader(""), out: out, errs: errs, lookup: variables(endless(t, stop))}
		if code := run(ctx, sh, args); code != exitInterrupted || !strings.Contains(errs.String(), "interrupted: "+want) {
			t.Errorf("%v interrupted: code %d, %s", args, code, errs)
		}
		over := invoke(t, endless(t, func() {}), append(args, "--timeout", "1ms")...)
		if over.code != exitWaitOver || !strings.Contains(over.errs, "the wait is over: "+want) {
			t.Errorf("%v --timeout: %+v", args, over)
		}
	}
}
