package embed_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"dreamlab/handlers"
	"dreamlab/handlers/embed"
	"dreamlab/handlers/handlertest"
	"dreamlab/providers/completion"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store/book"
	"dreamlab/store/job"
	"dreamlab/tasks"
	input "dreamlab/tasks/embed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const model = "together/intfloat/multilingual-e5-large-instruct"

func claim(t *testing.T, b *handlertest.Bench, in input.Input) *tasks.Run {
	t.Helper()
	return b.Claim(t, job.NewJob{Kind: string(tasks.EmbedRun), Attached: true}, in)
}

func texts(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("text number %d", i%7)
	}
	return all
}

func TestTextsBecomeVectors(t *testing.T) {
	t.Parallel()
	handlertest.Each(t, func(t *testing.T, b *handlertest.Bench) {
		run := claim(t, b, input.Input{Model: model, Inputs: texts(300)})
		end, err := embed.New(b.Caller())(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			input.Answer
			Ours struct {
				Job, Provider, Model string
				Calls                int
				Sandbox              bool
			} `json:"dreamlab"`
		}
		if err := json.Unmarshal(b.Finish(t, run, end).Result, &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Data) != 300 || got.Data[299].Index != 299 || got.Data[0].Embedding != got.Data[7].Embedding ||
			got.Data[0].Embedding == got.Data[1].Embedding {
			t.Errorf("%d vectors, the last %+v", len(got.Data), got.Data[len(got.Data)-1])
		}
		if got.Model != model || got.Ours.Job != run.Job.ID || got.Ours.Calls != 2 || !got.Ours.Sandbox {
			t.Errorf("model %s, %+v", got.Model, got.Ours)
		}
		text, _ := got.Data[0].Embedding.(string)
		if vector, err := completion.DecodeVector(text); err != nil || len(vector) == 0 {
			t.Errorf("vector %v, %v", vector, err)
		}
		for _, e := range b.Entries(t, run.Job.ID) {
			if e.State != book.EntrySettled || e.Purpose != "embed" || e.Settled <= 0 || e.Settled > e.Reserved {
				t.Errorf("entry %+v", e)
			}
		}
		if calls, _ := b.Paid(); calls != 2 {
			t.Errorf("%d calls were paid, want 2", calls)
		}
	})
}

// A second attempt asks for what the first did not get, and for no more.
func TestPartsThatAreThereAreNotPaidAgain(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	run := claim(t, b, input.Input{Model: model, Inputs: texts(257)})
	if _, err := embed.New(b.Caller())(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	before, _ := b.Paid()
	b.Lose(t, run)
	again := *run
	again.Job.Epoch++
	end, err := embed.New(b.Caller())(t.Context(), &again)
	if err != nil {
		t.Fatal(err)
	}
	b.Finish(t, &again, end)
	if after, _ := b.Paid(); after != before+1 { // the last part is stored with the job's end
		t.Errorf("%d calls were paid again", after-before)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in    input.Input
		fault string
		code  string
	}{
		"no embeddings here": {in: input.Input{Model: "groq/openai/gpt-oss-20b", Inputs: texts(1)}, code: "unsupported_parameter"},
		"no model":           {in: input.Input{Model: "none", Inputs: texts(1)}, code: "model_not_found"},
		"dimensions":         {in: input.Input{Model: model, Inputs: texts(1), Dimensions: 8}, code: "unsupported_parameter"},
		"a limit":            {in: input.Input{Model: model, Inputs: texts(1)}, fault: lab.FaultRateLimit, code: "rate_limit_exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := handlertest.New(t)
			if c.fault != "" {
				b.Fault(t, lab.Fault{Vendor: "together", Kind: c.fault, RetryAfter: 600}, 9)
			}
			_, err := embed.New(b.Caller())(t.Context(), claim(t, b, c.in))
			if !handlers.Failed(err, c.code) {
				t.Errorf("got %v, want %s", err, c.code)
			}
			var failure *tasks.Failure
			if !errors.As(err, &failure) || !failure.Final {
				t.Errorf("%v is tried again", err)
			}
			if calls, _ := b.Paid(); calls != 0 {
				t.Errorf("%d calls were paid", calls)
			}
		})
	}
}
