package api

import (
	"strings"
	"testing"
	"time"

	"dreamlab/cmd/internal/api/operate"
	"dreamlab/store/book"
	"dreamlab/store/money"
)

// spend writes lines of the tenant one into the books.
func (r *rig) spend(t *testing.T, entries ...book.Entry) {
	t.Helper()
	tenant, err := r.store.EnsureTenant(t.Context(), "one")
	must(t, err)
	for _, e := range entries {
		e.Tenant, e.Step, e.State = tenant.ID, "x", book.EntrySettled
		must(t, r.store.AddEntry(t.Context(), e))
	}
}

// TestBudgetsOverHTTP sets budgets, sees what is used of them, and is told what is wrong.
func TestBudgetsOverHTTP(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options) { o.Budgets = []book.Budget{{Purpose: "chat", Hard: true, Nano: 50 * money.Dollar}} })
	id, _ := r.makeKey(t, `{}`)
	put := func(body string) request {
		return request{method: "PUT", path: "/v1/budgets", body: body, key: r.admin}
	}
	// The day of a line is that of the tenant's zone when it is written: for a part of each day it is not that of UTC.
	r.do(put(`{"zone":"Asia/Kathmandu","data":[]}`)).want(t, 200, "")
	r.spend(t, book.Entry{KeyID: id, Purpose: "chat", Provider: "groq", Model: "m", Settled: 3 * money.Dollar},
		book.Entry{Purpose: "train", Provider: "together", Model: "m", Settled: 4 * money.Dollar})
	got := r.do(put(`{"zone":"Asia/Kathmandu","data":[{"usd":10,"per":"month"},{"key":"`+id+`","usd":"2","per":"day","hard":false},`+
		`{"provider":"together","purpose":"train","usd":5,"per":"day"}]}`)).want(t, 200, "")
	for _, part := range []string{`"zone":"Asia/Kathmandu"`, `"id":null,"object":"budget","key":null,"purpose":"chat"`,
		`"usd":10,"per":"month","hard":true,"used_usd":7,"remaining_usd":3`, `"usd":2,"per":"day","hard":false,"used_usd":3,"remaining_usd":0`,
		`"usd":5,"per":"day","hard":true,"used_usd":4,"remaining_usd":1`} {
		if !strings.Contains(string(got.body), part) {
			t.Errorf("no %s in %s", part, got.body)
		}
	}
	zone, err := time.LoadLocation("Asia/Kathmandu")
	must(t, err)
	data, _ := got.field(t, "data").([]any)
	if resets, _ := data[1].(map[string]any)["resets_at"].(float64); time.Unix(int64(resets), 0).In(zone).Day() != 1 {
		t.Errorf("the month begins at %v", time.Unix(int64(resets), 0).In(zone))
	}
	for name, c := range map[string]struct {
		q    request
		want int
	}{
		"by a user":        {request{method: "PUT", path: "/v1/budgets", body: `{"data":[]}`}, 403},
		"read by a user":   {request{path: "/v1/budgets"}, 200},
		"of another":       {request{method: "PUT", path: "/v1/budgets", body: `{"data":[{"key":"key_x","usd":1,"per":"day"}]}`, key: r.admin}, 404},
		"no amount":        {put(`{"data":[{"per":"day"}]}`), 400},
		"no length":        {put(`{"data":[{"usd":1}]}`), 400},
		"negative":         {put(`{"data":[{"usd":-1,"per":"day"}]}`), 400},
		"unknown purpose":  {put(`{"data":[{"usd":1,"per":"day","purpose":"fun"}]}`), 400},
		"unknown zone":     {put(`{"zone":"Mars","data":[]}`), 400},
		"two of one sort":  {put(`{"data":[{"usd":1,"per":"day"},{"usd":2,"per":"day"}]}`), 400},
		"soft beside hard": {put(`{"data":[{"usd":1,"per":"day"},{"usd":2,"per":"day","hard":false}]}`), 200},
	} {
		if a := r.do(c.q); a.status != c.want {
			t.Errorf("%s: status %d, want %d: %s", name, a.status, c.want, a.body)
		}
	}
}

// TestUsage sums the books by groups and intervals, as JSON and as a table, beside the plan.
func TestUsage(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options) {
		o.Plan = []operate.PlanLine{
			{Name: "chat", Low: 20 * money.Dollar, High: 50 * money.Dollar, Purposes: []string{"chat"}},
			{Name: "storage", Low: 10 * money.Dollar, High: 20 * money.Dollar},
		}
	})
	r.spend(t, book.Entry{Purpose: "chat", Provider: "groq", Model: "m", Settled: money.Dollar / 2},
		book.Entry{Purpose: "chat", Provider: "together", Model: `=1,"x"`, Settled: money.Dollar})
	today := time.Now().UTC().Format(time.DateOnly)
	for path, part := range map[string]string{
		"group_by=vendor":               `"group":"groq","calls":1,"reserved":0,"settled":0.5`,
		"group_by=purpose&interval=day": `"group":"chat","start":`,
		"from=" + today:                 `"settled":1.5`,
		"from=2020-01-01&to=2020-02-01": `"data":[],"total":{"group":"","calls":0`,
		"group_by=key&interval=hour":    `"interval":"hour"`,
		"":                              `"line":"storage","plan_low_usd":10,"plan_high_usd":20,"spent_usd":null`,
		"interval=month":                `"line":"chat","plan_low_usd":20,"plan_high_usd":50,"spent_usd":1.5`,
		"group_by=model&interval=month&format=csv":  `,"together/=1,""x""",1,1,0,0,0,0` + "\r\n",
		"group_by=purpose&from=0&to=1&format=csv":   "start,purpose,calls,settled_usd,reserved_usd,input_tokens,output_tokens,lost\r\n",
		"group_by=provider&start_time=0&format=csv": ",together,1,1,0,0,0,0\r\n",
	} {
		if got := r.get("/v1/usage?"+path).want(t, 200, ""); !strings.Contains(string(got.body), part) {
			t.Errorf("%s: no %s in %s", path, part, got.body)
		}
	}
	got := r.do(request{path: "/v1/usage", header: map[string]string{"Accept": "text/csv, */*;q=0.1"}})
	if kind := got.header.Get("Content-Type"); !strings.HasPrefix(kind, "text/csv") {
		t.Errorf("who accepts a table gets %s", kind)
	}
	for path, param := range map[string]string{
		"interval=week": "interval", "format=xml": "format", "from=tomorrow": "from", "from=9&to=8": "from",
		"group_by=job&from=2026-01-01&to=2026-02-02": "from", "interval=hour&from=2026-01-01&to=2026-02-02": "from",
	} {
		a := r.get("/v1/usage?"+path).want(t, 400, "invalid_request")
		if a.text(t, "error", "param") != param {
			t.Errorf("%s: %s", path, a.body)
		}
	}
}
