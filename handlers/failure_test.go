package handlers

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

func TestFailureTellsEveryKind(t *testing.T) {
	t.Parallel()
	final := map[providers.Kind]bool{
		providers.KindInvalid: true, providers.KindUnsupported: true, providers.KindContext: true,
		providers.KindTooLarge: true, providers.KindContentFilter: true, providers.KindAuth: true,
		providers.KindPermission: true, providers.KindBilling: true, providers.KindModelGone: true,
		providers.KindUnreadable: true,
	}
	for kind := range tellings {
		cause := &providers.Error{Kind: kind, Provider: "groq", Model: "m", RetryAfter: time.Second}
		f := Failure(fmt.Errorf("answer a call: %w", cause))
		if f.Code == "" || f.Final != final[kind] || f.After != time.Second || !errors.Is(f, error(cause)) {
			t.Errorf("%s became %+v", kind, f)
		}
		if !strings.Contains(f.Message, "(groq: ") {
			t.Errorf("%s is told as %q", kind, f.Message)
		}
	}
	own := tasks.Fail("insufficient_quota", "wait")
	if Failure(fmt.Errorf("reserve: %w", own)) != own {
		t.Error("a failure did not stay as it was")
	}
	if f := Failure(errors.New("disk")); f.Code != "internal" || f.Final || strings.Contains(f.Message, "disk") {
		t.Errorf("an error from elsewhere became %+v", f)
	}
}

// TestFailureQuotesWhatIsForTheClient passes a vendor's words on, but for those that
// are for whoever holds the account, and no key in any.
func TestFailureQuotesWhatIsForTheClient(t *testing.T) {
	t.Parallel()
	const words = "see https://vendor.example/billing, gsk_abcdefghijklmnop"
	const shown = "see https://vendor.example/billing, [secret]"
	tests := map[string]struct {
		e     providers.Error
		told  string
		param string
	}{
		"refused": {providers.Error{Kind: providers.KindInvalid, Status: 400}, "correct the request (together: " + shown + ")", ""},
		"a parameter": {providers.Error{Kind: providers.KindUnsupported, Param: "tool_choice"},
			`leave out "tool_choice", or choose another model (together: ` + shown + ")", "tool_choice"},
		"a text as parameter": {providers.Error{Kind: providers.KindInvalid, Status: 400, Param: "my whole prompt"},
			"correct the request (together: " + shown + ")", ""},
		"its account": {providers.Error{Kind: providers.KindAuth, Status: 401},
			"ask the operator to run dreamlab doctor (together: our key does not work)", ""},
		"its reason":      {providers.Error{Kind: providers.KindServer, Status: 500}, "try again (together: " + shown + ")", ""},
		"our own network": {providers.Error{Kind: providers.KindServer}, "try again (together: it failed)", ""},
		"not set up": {providers.Error{Kind: providers.KindAuth},
			"ask the operator to run dreamlab doctor (together: " + shown + ")", ""},
		"not readable": {providers.Error{Kind: providers.KindUnreadable, Status: 200},
			"choose another model, or tell the operator (together: its answer can not be read)", ""},
	}
	for name, test := range tests {
		test.e.Provider, test.e.Model, test.e.Message = "together", "a/long/path", words
		f := Failure(&test.e)
		if f.Message != test.told || f.Param != test.param {
			t.Errorf("%s is told as %q (%s), want %q", name, f.Message, f.Param, test.told)
		}
		if log := f.Err.Error(); test.e.Status != 0 && strings.Contains(log, "vendor.example") {
			t.Errorf("%s: the vendor's words are in the log: %s", name, log)
		}
	}
}

// TestTriesAndAttemptsAreBoundedTogether adds up what five attempts may call.
func TestTriesAndAttemptsAreBoundedTogether(t *testing.T) {
	t.Parallel()
	caller := NewCaller(CallerOptions{Limits: map[string]providers.Limits{
		"eager": {Tries: 9, Silence: time.Second}, "shy": {Tries: 1},
	}})
	for alias, want := range map[string]int{"": 8, "eager": 8, "shy": 5} {
		calls := 0
		for attempt := range 5 {
			calls += caller.limitsOf(&tasks.Run{Job: job.Job{Attempt: attempt}}, &Step{Alias: alias}).Tries
		}
		if calls != want {
			t.Errorf("a job in the background for alias %q makes %d calls, want %d", alias, calls, want)
		}
	}
	waits := &tasks.Run{Job: job.Job{Attached: true}}
	if l := caller.limitsOf(waits, &Step{}); l.Tries != 0 {
		t.Errorf("a chat whose client waits has %d tries, want the router's own", l.Tries)
	}
	if l := caller.limitsOf(waits, &Step{Alias: "eager"}); l.Tries != 9 || l.Silence != time.Second {
		t.Errorf("the limits of an alias became %+v", l)
	}
	own := providers.Limits{Tries: 7}
	if l := caller.limitsOf(&tasks.Run{}, &Step{Alias: "shy", Limits: own}); l.Tries != 7 {
		t.Errorf("a step's own limit became %d", l.Tries)
	}
}
