package api

import (
	"io"
	"strings"
	"testing"

	"dreamlab/store"
)

// TestForgetLeavesNoWord has a dream, a memory, a dataset and a cancelled dream
// hold a conversation: after it was deleted, no object of the bucket does, and
// what stood beside it still stands.
func TestForgetLeavesNoWord(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	secret, other := "When do you open on Sunday?", "Where are you?"
	row := func(text string) string {
		return `{"messages":[{"role":"user","content":"` + text + `"},{"role":"assistant","content":"Here."}]}`
	}
	e, err := r.store.Experience(t.Context(), s.tenant, s.experience)
	must(t, err)
	must(t, r.store.AddExample(t.Context(), store.Example{
		ID: "exm_secret", Tenant: s.tenant, Alias: "assistant", Dream: "drm_secret", Experience: e.ID,
		Messages: []byte(strings.TrimSuffix(strings.TrimPrefix(row(" "+secret+" "), `{"messages":`), "}")),
		Verdict:  "judged", Author: "recorded", Content: "c",
	}))
	old := store.DatasetObject("old")
	r.put(t, old, row(secret)+"\n"+row(other)+"\n")
	dataset, _, err := r.store.AddDataset(t.Context(), store.Dataset{
		ID: store.NewID("ds_"), Tenant: s.tenant, Alias: "assistant", SHA256: "old", Rows: 2, Object: old,
	}, []string{"exm_secret"})
	must(t, err)
	memory := store.Memory{ID: "mem_secret", Tenant: s.tenant, Dream: s.dream, Object: "memory/secret.md",
		Lessons: []store.Lesson{{Text: secret, Sources: []string{e.ID}}, {Text: other, Sources: []string{"exp_other"}}}}
	r.put(t, memory.Object, memory.Markdown())
	must(t, r.store.AddMemory(t.Context(), memory))

	if got := r.do(request{method: "DELETE", path: "/v1/conversations/chat-7"}); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}

	if left := r.holding(t, secret, e.ID); len(left) != 0 {
		t.Errorf("it is still in %v", left)
	}
	content := r.do(request{path: "/v1/datasets/" + dataset.ID + "/content"})
	if string(content.body) != row(other)+"\n" {
		t.Errorf("the dataset holds %s", content.body)
	}
	shown := r.do(request{path: "/v1/datasets/" + dataset.ID})
	if shown.field(t, "rows") != 1.0 || shown.field(t, "manifest", "removed", "forgotten") != 1.0 {
		t.Errorf("the dataset is %s", shown.body)
	}
	text := r.do(request{path: "/v1/memory", header: map[string]string{"Accept": "text/markdown"}})
	if strings.Contains(string(text.body), secret) || !strings.Contains(string(text.body), other) {
		t.Errorf("the memory is %s", text.body)
	}
}

func (r *rig) put(t *testing.T, name, content string) {
	t.Helper()
	must(t, r.bucket.Create(t.Context(), name, strings.NewReader(content)))
}

// holding names the objects of the bucket that hold one of the words.
func (r *rig) holding(t *testing.T, words ...string) []string {
	t.Helper()
	objects, err := r.bucket.List(t.Context(), "", "", 1000)
	must(t, err)
	var names []string
	for _, o := range objects {
		reader, err := r.bucket.Open(t.Context(), o.Name)
		must(t, err)
		content, err := io.ReadAll(reader)
		must(t, err)
		must(t, reader.Close())
		for _, word := range words {
			if strings.Contains(string(content), word) {
				names = append(names, o.Name)
			}
		}
	}
	return names
}
