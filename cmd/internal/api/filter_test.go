package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// ids returns the ids of a list, asked for page by page.
func (r *rig) ids(q request) (found []string) {
	r.t.Helper()
	path := q.path
	for after := ""; ; {
		q.path = path + "&limit=1" + after
		var page wire.List[struct {
			ID string `json:"id"`
		}]
		must(r.t, json.Unmarshal(r.do(q).body, &page))
		for _, one := range page.Data {
			found = append(found, one.ID)
		}
		if !page.HasMore {
			return found
		}
		after = "&after=" + *page.LastID
	}
}

// TestListsByFilter narrows each list by what its rows have, and finds nothing of another
// tenant.
func TestListsByFilter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	made := r.post("/v1/jobs", `{"kind":"chat","input":`+askWhole+`,"metadata":{"customer":"ACME 7"}}`).want(t, 202, "")
	chat := made.text(t, "id")
	r.finished(chat)
	key := r.do(request{path: "/v1/keys?status=active", key: r.admin}).field(t, "first_id").(string)
	for path, want := range map[string]string{
		"jobs?alias=assistant&kind=chat": chat, "jobs?alias=nobody": "", "jobs?q=acme": chat, "jobs?q=acme+7": chat, "jobs?q=7+acme": chat,
		"jobs?q=acme+8": "", "jobs?q=" + chat: chat,
		"jobs?q=" + s.tune: "*", "jobs?provider=groq": "", "jobs?model=groq/none": "", "jobs?key=key_none": "",
		"experiences?alias=assistant": s.experience, "experiences?alias=x": "", "experiences?conversation_id=chat-7": s.experience,
		"experiences?q=" + s.experience: s.experience, "experiences?model=a/b": "",
		"dreams?status=succeeded": s.dream, "dreams?status=failed": "", "dreams?q=" + s.dream: s.dream, "dreams?q=drm_x": "",
		"reflections?q=KIND": s.reflection, "reflections?q=%25": "", "examples?alias=assistant": s.example, "examples?alias=x": "",
		"examples?q=" + s.experience: s.example, "datasets?alias=assistant": s.dataset, "datasets?q=abc": s.dataset,
		"tunes?alias=assistant&status=succeeded": s.tune, "tunes?model=together/base": s.tune, "tunes?provider=groq": "",
		"evaluations?model=" + url.QueryEscape(s.model): s.evaluation, "evaluations?alias=other": "",
		"fine_tuning/jobs?status=succeeded": "", "fine_tuning/jobs?provider=together&model=base": s.training,
		"files?q=" + s.file: s.file, "batches?q=" + s.batch: s.batch, "batches?status=expired": "",
		"keys?q=none": "", "keys?status=revoked": "", "audit?q=none": "", "audit?key=" + key: "",
	} {
		q := request{path: "/v1/" + path}
		if path[:4] == "keys" || path[:5] == "audit" {
			q.key = r.admin
		}
		found := r.ids(q)
		if len(found) > 1 || (len(found) == 1) != (want != "") || len(found) == 1 && want != "*" && found[0] != want {
			t.Errorf("%s finds %v, want %q", path, found, want)
		}
		if q.key == "" {
			q.key = r.other
			if found := r.ids(q); len(found) > 0 {
				t.Errorf("another tenant's %s finds %v", path, found)
			}
		}
	}
	for _, wrong := range []string{
		"jobs?model=base", "jobs?status=odd", "dreams?status=odd", "tunes?status=odd", "batches?status=odd",
		"fine_tuning/jobs?status=odd", "jobs?q=%00", "experiences?status=failed", "jobs/" + chat + "/calls?status=odd",
	} {
		r.get("/v1/"+wrong).want(t, 400, "invalid_request")
	}
	r.get("/v1/lineage/"+s.experience+"?limit=1").want(t, 200, "")
}

func TestPaging(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	tenant, err := r.store.EnsureTenant(t.Context(), "one")
	must(t, err)
	const rows = 251
	must(t, r.store.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		for i := range rows {
			_, err := q.AddFile(t.Context(), learn.File{ID: db.NewID("file-"), Tenant: tenant.ID,
				Filename: fmt.Sprint(i), Purpose: "fine-tune"})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	if n := len(r.get("/v1/files?limit=10000").want(t, 200, "").field(t, "data").([]any)); n != rows {
		t.Errorf("a page of 10,000 has %d files, want %d", n, rows)
	}
	r.get("/v1/files?limit=10001").want(t, 400, "invalid_request")
	r.get("/v1/jobs?limit=101").want(t, 400, "invalid_request")
	for _, order := range []string{"asc", "desc"} {
		seen, after := map[string]bool{}, ""
		for pages := 1; ; pages++ {
			a := r.get("/v1/files?limit=100&order="+order+"&after="+after).want(t, 200, "")
			var list wire.List[fileView]
			must(t, json.Unmarshal(a.body, &list))
			for _, f := range list.Data {
				seen[f.ID] = true
			}
			if *list.LastID != list.Data[len(list.Data)-1].ID || *list.FirstID != list.Data[0].ID {
				t.Fatal("first_id and last_id are not those of the page")
			}
			if after = *list.LastID; !list.HasMore {
				if pages != 3 || len(seen) != rows {
					t.Errorf("%s: %d rows on %d pages", order, len(seen), pages)
				}
				break
			}
		}
	}
}
