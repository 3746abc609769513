package dream_test

import (
	"encoding/json"
	"testing"

	"dreamlab/handlers"
	"dreamlab/handlers/all"
	"dreamlab/handlers/handlertest"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store/book"
	"dreamlab/store/job"
	"dreamlab/store/money"
	"dreamlab/tasks"
)

// solve runs a task's job and returns what it came to, or its failure.
func solve(t *testing.T, b *handlertest.Bench, in tasks.SolveInput) (tasks.Solution, job.Job, error) {
	t.Helper()
	list, err := all.Handlers(b.Deps(b.Engine(t)))
	if err != nil {
		t.Fatal(err)
	}
	run := b.Claim(t, job.NewJob{Kind: string(tasks.DreamSolve)}, in)
	var got tasks.Solution
	end, err := list[tasks.DreamSolve](t.Context(), run)
	if err != nil {
		return got, run.Job, err
	}
	j := b.Finish(t, run, end)
	if err := json.Unmarshal(j.Result, &got); err != nil {
		t.Fatal(err)
	}
	return got, j, nil
}

// purposes counts the paid calls of a job by what they were for.
func purposes(t *testing.T, b *handlertest.Bench, id string) map[string]int {
	t.Helper()
	got := map[string]int{}
	for _, e := range b.Entries(t, id) {
		if e.State == book.EntrySettled {
			got[e.Purpose]++
		}
	}
	return got
}

func TestTheTeamSolvesATask(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	got, j, err := solve(t, b, tasks.SolveInput{Task: "My blue kettle leaks at the lid, what should I do?"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Answer == nil || *got.Answer == "" || got.AnsweredBy == nil || len(got.Attempts) != 2 || len(got.Verdicts) != 2 {
		t.Fatalf("solution %+v", got)
	}
	for i, role := range []string{"base", "lead"} {
		a := got.Attempts[i]
		if a.Role != role || a.Provider == "" || a.Model == "" || a.Answer == nil || a.Error != nil || a.Correct != nil {
			t.Errorf("attempt %d: %+v", i, a)
		}
		if role == *got.AnsweredBy && *a.Answer != *got.Answer {
			t.Errorf("the answer is %q, and %s said %q", *got.Answer, role, *a.Answer)
		}
	}
	if p := purposes(t, b, j.ID); p["solve"] != 2 || p["critique"] != 1 || p["verify"] != 1 {
		t.Errorf("paid for %v", p)
	}
}

// TestAReferenceSparesVerdicts has answers that can be checked exactly: no verdict is asked for.
func TestAReferenceSparesVerdicts(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	got, j, err := solve(t, b, tasks.SolveInput{Task: "How much is 6 times 7? Answer with the number.", Reference: "1000003"})
	if err != nil {
		t.Fatal(err)
	}
	wrong := got.Attempts[0].Correct != nil && !*got.Attempts[0].Correct && got.Attempts[1].Correct != nil && !*got.Attempts[1].Correct
	if !wrong || got.Verified || got.VerifiedBy != nil || len(got.Verdicts) != 0 || *got.AnsweredBy != "lead" {
		t.Errorf("solution %+v", got)
	}
	if p := purposes(t, b, j.ID); p["solve"] != 2 || len(p) != 1 {
		t.Errorf("paid for %v", p)
	}
}

// TestOneModelOfTheTeamIsEnough gives the other one's answer, unverified, and fails where there is none.
func TestOneModelOfTheTeamIsEnough(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	b.SetRoute(t, "lead", "groq/openai/gpt-oss-120b")
	b.SetRoute(t, "base", "together/openai/gpt-oss-20b")
	b.Fault(t, lab.Fault{Vendor: "groq", Kind: lab.FaultStatus, Status: 401}, 0)
	task := tasks.SolveInput{Task: "Name a colour."}
	got, _, err := solve(t, b, task)
	if err != nil {
		t.Fatal(err)
	}
	if got.Verified || *got.AnsweredBy != "base" || got.Attempts[1].Error == nil || got.Attempts[1].Answer != nil {
		t.Errorf("solution %+v", got)
	}
	b.Fault(t, lab.Fault{Vendor: "together", Kind: lab.FaultStatus, Status: 401}, 0)
	if _, _, err = solve(t, b, task); err == nil {
		t.Error("a task that nobody answered was solved")
	}
}

func TestATaskStaysWithinItsBudget(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	_, j, err := solve(t, b, tasks.SolveInput{Task: "Name a colour.", BudgetUSD: new(money.USD(1))})
	if err == nil || len(purposes(t, b, j.ID)) != 0 {
		t.Fatalf("error %v, paid for %v", err, purposes(t, b, j.ID))
	}
	if !handlers.Failed(err, "insufficient_quota") {
		t.Errorf("it failed with %v", err)
	}
}
