package api

import (
	"io"
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// TestMemoryVersions lists, compares and restores versions of the memory.
func TestMemoryVersions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	must(t, r.store.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		return q.AddMemory(t.Context(), learn.Memory{ID: "mem_2", Tenant: s.tenant, Dream: s.dream,
			Lessons: []learn.Lesson{{Text: "be very kind", Reflections: []string{s.reflection}, Weight: 1000}}})
	}))
	if found := r.ids(request{path: "/v1/memory/versions?order=asc"}); strings.Join(found, " ") != "mem_1 mem_2" {
		t.Errorf("the versions are %v", found)
	}
	for _, with := range []string{"mem_1", "previous"} {
		diff := r.get("/v1/memory/versions/mem_2?diff="+with).want(t, 200, "")
		if !strings.Contains(string(diff.body), `"words":[{"op":"same","text":"be"},{"op":"added","text":"very"},`) {
			t.Errorf("%s", diff.body)
		}
	}
	first := r.get("/v1/memory/versions/mem_1?diff=previous").want(t, 200, "")
	if n := len(first.field(t, "added").([]any)); n != 1 || first.field(t, "from") != nil {
		t.Errorf("%s", first.body)
	}
	restored := r.post("/v1/memory/versions/mem_1/restore", "").want(t, 200, "")
	if restored.text(t, "restored") != "mem_1" || r.get("/v1/memory").text(t, "id") != restored.text(t, "id") {
		t.Errorf("%s", restored.body)
	}
	file, err := r.bucket.Open(t.Context(), blob.MemoryObject(s.tenant, restored.text(t, "id")))
	must(t, err)
	text, err := io.ReadAll(file)
	must(t, err)
	must(t, file.Close())
	if !strings.Contains(string(text), "- be kind\n") {
		t.Errorf("the file is %s", text)
	}
	for _, q := range []request{
		{path: "/v1/memory/versions/mem_1"}, {path: "/v1/memory/versions/mem_2?diff=mem_1"},
		{method: "POST", path: "/v1/memory/versions/mem_1/restore"},
	} {
		q.key = r.other
		r.do(q).want(t, 404, "not_found")
	}
	r.get("/v1/memory/versions/mem_1?diff=mem_none").want(t, 404, "not_found")
	if got := r.do(request{path: "/v1/memory/versions/mem_1", header: map[string]string{"Accept": "text/markdown"}}); !strings.HasPrefix(
		string(got.body), "# Memory mem_1") {
		t.Errorf("%s", got.body)
	}
	r.do(request{method: "POST", path: "/v1/memory/versions/mem_1/restore", key: r.reviewer(s.tenant)}).want(t, 403, "forbidden")
}
