package main

import (
	"encoding/json"
	"strings"
	"testing"

	"dreamlab/cmd/internal/client"
)

// shown runs the demonstration with --json and reads what it prints.
func shown(t *testing.T, args ...string) report {
	t.Helper()
	// An environment that the demonstration must not read.
	env := map[string]string{"DATABASE_URL": "postgres://nowhere", "GROQ_API_KEY": "real", "DREAMLAB_ADDR": "x"}
	got := invoke(t, env, append([]string{"demo", "--json"}, args...)...)
	var r report
	if err := json.Unmarshal([]byte(got.out), &r); err != nil || got.code != exitOK {
		t.Fatalf("code %d, %v:\n%s%s", got.code, err, got.out, got.errs)
	}
	if !r.OK || !r.Sandbox || r.Imported < 200 || r.Dream.Counts.Kept < 100 || len(r.Dataset.SHA256) != 64 {
		t.Errorf("report: %+v", r)
	}
	if r.Evaluation.Conversations < 30 || r.CostUSD == "" || r.CostUSD == "0" {
		t.Errorf("%d conversations examined, $%s spent", r.Evaluation.Conversations, r.CostUSD)
	}
	return r
}

func TestDemoPromotesWhatIsBetter(t *testing.T) {
	t.Parallel()
	r := shown(t)
	if !r.Promoted || r.After.Served.Model == r.Before.Served.Model || r.After.Text == r.Before.Text {
		t.Errorf("promoted %v; before %+v, after %+v", r.Promoted, r.Before, r.After)
	}
	if !strings.Contains(r.After.Text, "flat tyre") {
		t.Errorf("the tuned model answers: %s", r.After.Text)
	}
	// Which conversations are held out is drawn anew by each installation, so that now and then the
	// sample's few answers of one kind of junk are all among them.
	rejected := r.Dream.Counts.Rejected
	junk := rejected["error_text"] + rejected["refusal"] + rejected["placeholder"] + rejected["secret"]
	if rejected["held_out"] == 0 || junk == 0 {
		t.Errorf("rejected as held out or as junk: %v", rejected)
	}
}

func TestDemoRefusesWhatWasSpoilt(t *testing.T) {
	t.Parallel()
	r := shown(t, "--poison")
	if r.Promoted || r.After.Served.Model != r.Before.Served.Model || r.Evaluation.Decision == "promote" {
		t.Errorf("promoted %v; before %+v, after %+v", r.Promoted, r.Before, r.After)
	}
}

func TestDemoTable(t *testing.T) {
	t.Parallel()
	got := invoke(t, nil, "demo")
	if got.code != exitOK {
		t.Fatalf("code %d: %s", got.code, got.errs)
	}
	for _, part := range []string{
		"experiences ", "examples kept", "examples rejected", "sha256 ", "before ", "after ", "interval",
		"promoted", "yes: ", "spent", "saved", "(sandbox)", "dream, done", "tune, done",
	} {
		if !strings.Contains(got.out, part) {
			t.Errorf("the table does not hold %q", part)
		}
	}
	if t.Failed() {
		t.Log(got.out)
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	served := func(name string) client.ChatAnswer {
		return client.ChatAnswer{Served: client.Served{Provider: "v", Model: name}}
	}
	cases := map[string]struct {
		r    report
		want string
	}{
		"not the sandbox":      {report{}, "does not say"},
		"poisoned, promoted":   {report{Sandbox: true, Poisoned: true, Promoted: true}, "although its training"},
		"poisoned, tuned":      {report{Sandbox: true, Poisoned: true, After: served("new")}, "v/new answers"},
		"poisoned, refused":    {report{Sandbox: true, Poisoned: true, After: served("old")}, ""},
		"not promoted":         {report{Sandbox: true, Reason: "too few"}, "not promoted: too few"},
		"promoted, old serves": {report{Sandbox: true, Promoted: true, After: served("old")}, "v/old answers"},
		"promoted":             {report{Sandbox: true, Promoted: true, After: served("new")}, ""},
	}
	for name, c := range cases {
		c.r.Evaluation.Incumbent, c.r.Evaluation.Candidate = "v/old", "v/new"
		err := c.r.verdict()
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
