package storetest_test

import (
	"fmt"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

func TestExperienceComesBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		plain := record(t, s, "chat-1")
		full := plain
		full.ID, full.Job, full.Provider, full.Model, full.Finish = db.NewID("exp_"), "job_1", "groq", "small", "stop"
		full.Reference, full.Comment, full.Correction, full.Rating = "r", "c", "k", new(int64(-1))
		full.Metadata, full.Answer = []byte(`{"a":1}`), []byte(`{"content":"\u0000 ä", "role":"assistant"}`)
		full.Seal()
		must(t, s.AddExperience(t.Context(), full))
		batched := full
		batched.Job, batched.Answer = "job_2", []byte(`{"content":"<b>"}`)
		batched.Seal()
		addAll(t, s, batched)
		batched.ID = keptAs(t, s, batched).ID
		for _, wanted := range []learn.Experience{plain, full, batched} {
			got, err := s.Experience(t.Context(), wanted.Tenant, wanted.ID)
			must(t, err)
			recent(t, got.Created)
			wanted.Created = got.Created
			if fmt.Sprint(flat(got)) != fmt.Sprint(flat(wanted)) {
				t.Errorf("got  %v\nwant %v", flat(got), flat(wanted))
			}
		}
		_, err := s.Experience(t.Context(), "another tenant", plain.ID)
		want(t, err, db.ErrNotFound)
		for filter, n := range map[learn.ExperienceFilter]int{
			{}: 3, {Conversation: "chat-1"}: 3, {Conversation: plain.Conversation}: 3, {Conversation: "x"}: 0,
			{Job: "job_1"}: 1, {Job: "job_2"}: 1, {Origin: "live"}: 3, {Origin: "import"}: 0, {Dream: "drm_1"}: 0,
			{Alias: plain.Alias}: 3, {Alias: "x"}: 0, {Provider: "groq"}: 2, {Provider: "groq", Model: "small"}: 2,
			{Provider: "groq", Model: "x"}: 0, {Text: plain.ID}: 1, {Text: "A 1"}: 2, {Text: "b"}: 0,
		} {
			rows, _, err := s.Experiences(t.Context(), plain.Tenant, filter, db.Page{})
			if err != nil || len(rows) != n {
				t.Errorf("%+v: %d rows, want %d, %v", filter, len(rows), n, err)
			}
		}
	})
}

// flat writes an experience with its texts as text and its rating as a number.
func flat(e learn.Experience) []any {
	rating := int64(9)
	if e.Rating != nil {
		rating = *e.Rating
	}
	return []any{
		e.ID, e.Tenant, e.Conversation, e.External, e.HeldOut, e.Alias, e.Origin, e.Job, e.Provider, e.Model,
		string(e.Prompt), string(e.Answer), e.Finish, e.Reference, rating, e.Comment, e.Correction,
		string(e.Metadata),
		e.Content, e.Identity, e.Dream, e.Created,
	}
}

// TestExperienceOnce records the same words several times at once, with and
// without an id of the client's.
func TestExperienceOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, external := range []string{"chat-1", "", "chat-2"} {
			atOnce(8, func(int) learn.Experience { return record(t, s, external) })
		}
		rows, _, err := s.Experiences(t.Context(), record(t, s, "").Tenant, learn.ExperienceFilter{}, db.Page{})
		must(t, err)
		if len(rows) != 2 {
			t.Errorf("kept %v", rows)
		}
		for _, e := range rows {
			if e.External == e.Conversation {
				e.External = ""
			}
			if e.HeldOut != learn.HeldOut(storetest.Secret, e) {
				t.Errorf("%s: held out %t", e.External, e.HeldOut)
			}
		}
	})
}

func count(t *testing.T, s *store.Store, table string) string {
	t.Helper()
	return ask(t, s.Driver(), "SELECT CAST(count(*) AS TEXT) FROM "+table)[0]
}

func TestFeedback(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		e := record(t, s, "chat-1")
		must(t, s.SetFeedback(t.Context(), e.Tenant, e.ID, new(int64(1)), "good", ""))
		must(t, s.SetFeedback(t.Context(), e.Tenant, e.ID, nil, "", "better"))
		got, err := s.Experience(t.Context(), e.Tenant, e.ID)
		if err != nil || *got.Rating != 1 || got.Comment != "good" || got.Correction != "better" {
			t.Errorf("got %+v, %v", got, err)
		}
		want(t, s.SetFeedback(t.Context(), "another tenant", e.ID, nil, "x", ""), db.ErrNotFound)
	})
}

// TestLateFeedbackReopens checks what feedback does to an experience that was dreamt of.
func TestLateFeedbackReopens(t *testing.T) {
	t.Parallel()
	up, down := int64(1), int64(-1)
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for i, test := range []struct {
			kept                bool
			rating              *int64
			comment, correction string
			fresh, rows         int
		}{
			{true, &down, "", "", 1, 0},
			{true, nil, "", "Better so.", 1, 0},
			{true, nil, "That is wrong.", "", 1, 0},
			{true, &up, "", "", 0, 1}, // the row is liked
			{false, &up, "", "", 1, 0},
			{false, nil, "", "Better so.", 1, 0},
		} {
			tenant := fmt.Sprint("ten_", i)
			e := learn.Experience{Tenant: tenant, External: "chat", Alias: "assistant", Origin: "live",
				Prompt: []byte("[]"), Answer: []byte("{}")}
			e.Seal()
			must(t, s.AddExperience(t.Context(), e))
			_, err := s.SealBatch(t.Context(), tenant, "drm_"+tenant, 1)
			must(t, err)
			list, _, err := s.Experiences(t.Context(), tenant, learn.ExperienceFilter{}, db.Page{})
			must(t, err)
			e = list[0]
			if test.kept {
				must(t, s.AddExample(t.Context(), example("exm_"+tenant, e)))
			}
			set := func() { must(t, s.SetFeedback(t.Context(), tenant, e.ID, test.rating, test.comment, test.correction)) }
			set()
			reopened(t, s, e, test.fresh, test.rows)
			_, err = s.SealBatch(t.Context(), tenant, "drm_again", 1)
			must(t, err)
			set() // once more, which says nothing new
			reopened(t, s, e, 0, test.rows)
		}
	})
}

func reopened(t *testing.T, s *store.Store, e learn.Experience, fresh, rows int) {
	t.Helper()
	n, err := s.FreshCount(t.Context(), e.Tenant, 10)
	must(t, err)
	list, _, err := s.Examples(t.Context(), e.Tenant, db.Filter{}, db.Page{})
	must(t, err)
	if n != fresh || len(list) != rows {
		t.Errorf("%s: %d fresh, %d rows; want %d and %d", e.Tenant, n, len(list), fresh, rows)
	}
}

// TestWeakIsSealedFirst checks that a short batch takes what users found wrong.
func TestWeakIsSealedFirst(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var all []learn.Experience
		for i := range 5 {
			all = append(all, record(t, s, fmt.Sprint("chat-", i)))
		}
		must(t, s.SetFeedback(t.Context(), all[2].Tenant, all[2].ID, new(int64(-1)), "", ""))
		must(t, s.SetFeedback(t.Context(), all[4].Tenant, all[4].ID, nil, "", "better"))
		for i, want := range [][]string{{all[2].ID}, {all[0].ID, all[4].ID}, {all[1].ID, all[3].ID}} {
			dream := fmt.Sprint("drm_", i)
			n, err := s.SealBatch(t.Context(), all[0].Tenant, dream, len(want))
			must(t, err)
			ids, err := sealedIn(t, s, all[0].Tenant, dream)
			if err != nil || fmt.Sprint(ids) != fmt.Sprint(want) || n.Experiences != len(want) {
				t.Errorf("batch %d is %v, want %v, %v", i, ids, want, err)
			}
			sealed, err := s.StillSealed(t.Context(), dream, []string{want[0], all[3].ID})
			if err != nil || !sealed[want[0]] || sealed[all[3].ID] != (i == 2) {
				t.Errorf("still sealed: %v, %v", sealed, err)
			}
		}
	})
}

// sealedIn returns what a dream has sealed.
func sealedIn(t *testing.T, s *store.Store, tenant, dream string) (ids []string, err error) {
	t.Helper()
	page := db.Page{Limit: 100, Ascending: true}
	rows, _, err := s.Experiences(t.Context(), tenant, learn.ExperienceFilter{Dream: dream}, page)
	for _, e := range rows {
		ids = append(ids, e.ID)
	}
	return ids, err
}

// TestSealRace has several dreams seal at once: each experience is in one.
func TestSealRace(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var tenant string
		for i := range 40 {
			tenant = record(t, s, fmt.Sprint("chat-", i)).Tenant
		}
		sealed := atOnce(4, func(i int) int {
			n, err := s.SealBatch(t.Context(), tenant, fmt.Sprint("drm_", i), 16)
			if err != nil {
				t.Error(err)
			}
			return n.Experiences
		})
		var sum int
		for i, n := range sealed {
			sum += n
			ids, err := sealedIn(t, s, tenant, fmt.Sprint("drm_", i))
			if err != nil || len(ids) != n || n > 16 {
				t.Errorf("dream %d sealed %d and holds %d, %v", i, n, len(ids), err)
			}
		}
		left, err := s.FreshCount(t.Context(), tenant, 100)
		if err != nil || sum+left != 40 {
			t.Errorf("sealed %v, %d are left, %v", sealed, left, err)
		}
	})
}
