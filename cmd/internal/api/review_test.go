package api

import (
	"fmt"
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// reviewer returns the secret of a key that may review for the tenant.
func (r *rig) reviewer(tenant string) string {
	r.t.Helper()
	secret := store.NewSecret()
	_, err := r.store.CreateKey(r.t.Context(), store.Key{Tenant: tenant, Name: "r", Scopes: []string{store.ScopeReview}}, secret)
	must(r.t, err)
	return secret
}

// TestReview rejects, keeps and edits an example, and takes that back: a rejected row is in no
// dataset, an edited answer is the row, and each verdict is in the lineage.
func TestReview(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	key := r.reviewer(s.tenant)
	path := "/v1/examples/" + s.example + "/review"
	review := func(body string, want int) answer {
		t.Helper()
		return r.do(request{method: "POST", path: path, body: body, key: key}).want(t, want, "")
	}
	rows := func() (all []string) {
		t.Helper()
		must(t, r.store.TrainingRows(t.Context(), s.tenant, "assistant", func(e learn.Example) error {
			all = append(all, string(e.Messages))
			return nil
		}))
		return all
	}
	queue := func(status string, want int) {
		t.Helper()
		if found := r.ids(request{path: "/v1/examples?review=" + status}); len(found) != want {
			t.Errorf("%d examples are %s, want %d", len(found), status, want)
		}
	}
	queue("open", 1)
	if a := review(`{"verdict":"reject","reason":"wrong"}`, 200); a.field(t, "review", "reason") != "wrong" || len(rows()) != 0 {
		t.Errorf("rejected: %s, rows %v", a.body, rows())
	}
	queue("open", 0)
	queue("rejected", 1)
	review(`{"verdict":"keep"}`, 200)
	queue("kept", 1)
	a := review(`{"verdict":"keep","answer":"better <b>"}`, 200)
	if got := strings.Join(rows(), ""); got != `[{"role":"assistant","content":"better <b>"}]` || a.text(t, "author") != "reviewer" {
		t.Errorf("the edited row is %s: %s", got, a.body)
	}
	queue("edited", 1)
	r.do(request{method: "DELETE", path: path, key: key}).want(t, 200, "")
	if got := strings.Join(rows(), ""); got != `[]` {
		t.Errorf("after undo the row is %s", got)
	}
	queue("open", 1)
	r.do(request{method: "DELETE", path: path, key: key}).want(t, 409, "invalid_request")
	steps := r.get("/v1/lineage/"+s.example).want(t, 200, "")
	if n := strings.Count(string(steps.body), `"step":"reviewed"`); n != 4 {
		t.Errorf("%d reviews in the lineage, want 4: %s", n, steps.body)
	}
	for _, body := range []string{
		`{}`, `{"verdict":"maybe"}`, `{"verdict":"reject","answer":"x"}`, `{"verdict":"keep","answer":"  "}`,
		fmt.Sprintf(`{"verdict":"keep","reason":%q}`, strings.Repeat("x", 2001)),
	} {
		review(body, 400)
	}
	r.do(request{method: "POST", path: path, body: `{"verdict":"keep"}`}).want(t, 403, "forbidden")
	other, err := r.store.EnsureTenant(t.Context(), "two")
	must(t, err)
	r.do(request{method: "POST", path: path, body: `{"verdict":"keep"}`, key: r.reviewer(other.ID)}).want(t, 404, "not_found")
	r.post("/v1/dreams/"+s.dream+"/undo", "").want(t, 200, "")
	review(`{"verdict":"keep"}`, 409)
}

// TestRejectedWhileCurated refuses to freeze a row that was rejected since it was read.
func TestRejectedWhileCurated(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	r.do(request{method: "POST", path: "/v1/examples/" + s.example + "/review", body: `{"verdict":"reject"}`,
		key: r.reviewer(s.tenant)}).want(t, 200, "")
	err := r.store.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		_, _, err := q.AddDataset(t.Context(), learn.Dataset{ID: "ds_x", Tenant: s.tenant, Alias: "assistant", SHA256: "x"},
			[]string{s.example})
		return err
	})
	if err == nil {
		t.Error("a dataset holds a rejected row")
	}
}
