package main

import (
	"encoding/json"
	"mime"
	"mime/multipart"
	"strings"
	"testing"
)

func TestTextOf(t *testing.T) {
	t.Parallel()
	answer := []byte(`{"id":"a","dreamlab":{"job":"b"},"n":1}`)
	for want, path := range map[string][]string{"a": {"id"}, "b": {"dreamlab", "job"}} {
		if got := textOf(answer, path...); got != want {
			t.Errorf("%v is %q, not %q", path, got, want)
		}
	}
	for _, path := range [][]string{{"n"}, {"none"}, {"id", "job"}, {"none", "job"}} {
		if got := textOf(answer, path...); got != "" {
			t.Errorf("%v is %q", path, got)
		}
	}
	if got := textOf(nil, "id"); got != "" {
		t.Errorf("nothing holds %q", got)
	}
}

// TestFiles reads the form of a file back: it is whole, and each row is JSON.
func TestFiles(t *testing.T) {
	t.Parallel()
	body, kind, err := form("fine-tune", trainingFile(3))
	if err != nil {
		t.Fatal(err)
	}
	_, words, err := mime.ParseMediaType(kind)
	if err != nil {
		t.Fatal(err)
	}
	form, err := multipart.NewReader(body, words["boundary"]).ReadForm(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	if form.Value["purpose"][0] != "fine-tune" || len(form.File["file"]) != 1 {
		t.Errorf("the form holds %+v", form)
	}
	for text, want := range map[string]int{lessons(3): trainingRows, trainingFile(3): trainingRows, batchFile(3): batchLines} {
		rows := strings.Split(strings.TrimSpace(text), "\n")
		if len(rows) != want {
			t.Errorf("%d rows, want %d", len(rows), want)
		}
		for _, row := range rows {
			if !json.Valid([]byte(row)) {
				t.Errorf("no JSON: %s", row)
			}
		}
	}
}

// TestNext draws requests: every kind comes up, none twice under one number.
func TestNext(t *testing.T) {
	t.Parallel()
	l := &lab{apis: []string{"a", "b"}, keys: make([]string, tenants)}
	c := newLoad(l, options{seed: 1, rate: 1})
	share := 0
	for _, k := range kinds {
		share += k.share
	}
	if share != 100 {
		t.Errorf("the kinds have %d of 100 parts", share)
	}
	seen, numbers := map[string]bool{}, map[int64]bool{}
	for range 2000 {
		a := c.next()
		seen[a.kind], numbers[a.number] = true, true
	}
	if len(seen) != len(kinds) || len(numbers) != 2000 {
		t.Errorf("%d of %d kinds, %d numbers", len(seen), len(kinds), len(numbers))
	}
}

// TestReadShown reads streams with each of their ends.
func TestReadShown(t *testing.T) {
	t.Parallel()
	const chunks = "id: 1-1.1\ndata: {\"choices\":[{\"delta\":{\"content\":\"He\"}}]}\n\n: still at work\n\n" +
		"id: 1-1\ndata: {\"choices\":[{\"delta\":{\"content\":\"llo\"}}]}\n\n"
	const failure = "event: error\ndata: {\"error\":{\"code\":\"stream_interrupted\"}}\n\n"
	for name, c := range map[string]struct {
		stream string
		want   shown
	}{
		"whole":           {chunks + "data: [DONE]\n\n", shown{done: true}},
		"an error":        {chunks + failure, shown{failed: true}},
		"nothing":         {chunks, shown{}},
		"more behind":     {chunks + "data: [DONE]\n\nid: 1-2\ndata: {}\n\n", shown{done: true, after: true}},
		"more behind err": {chunks + failure + "id: 1-2\ndata: {}\n\n", shown{failed: true, after: true}},
	} {
		got := readShown("job_a", []byte(c.stream), false)
		if got.done != c.want.done || got.failed != c.want.failed || got.after != c.want.after || got.text != "Hello" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestFleetSettings reads what the fleet is told of the tenants that flood.
func TestFleetSettings(t *testing.T) {
	t.Parallel()
	text := fleetSettings()
	for _, want := range []string{"{name: tenant-4, weight: 3, cap: 20}", "{name: tenant-7, weight: 1, cap: 20}"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}
