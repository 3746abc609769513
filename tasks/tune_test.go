package tasks

import (
	"errors"
	"strings"
	"testing"
)

func TestParseTune(t *testing.T) {
	t.Parallel()
	in, err := ParseTune(nil)
	if err != nil || in.Alias != "assistant" || in.DryRun {
		t.Errorf("an empty body reads as %+v, %v", in, err)
	}
	in, err = ParseTune([]byte(`{"alias":"coffee","base":"together/a/b","min_examples":7,"budget_usd":"1.5",` +
		`"dry_run":true}`))
	if err != nil || in.Alias != "coffee" || in.Base != "together/a/b" || in.MinExamples != 7 || !in.DryRun {
		t.Errorf("got %+v, %v", in, err)
	}
	for body, want := range map[string]TuneInput{
		`{"method":"dpo","beta":0.2}`:                          {Alias: "assistant", Method: MethodDPO, Beta: 0.2},
		`{"method":"auto"}`:                                    {Alias: "assistant", Method: MethodAuto},
		`{"model":"vllm/dl-1"}`:                                {Model: "vllm/dl-1"},
		`{"model":"vllm/dl-1","host":"groq","alias":"coffee"}`: {Model: "vllm/dl-1", Host: "groq", Alias: "coffee"},
	} {
		if got, err := ParseTune([]byte(body)); err != nil || *got != want {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
	if in.BudgetUSD == nil || *in.BudgetUSD != 1_500_000_000 {
		t.Errorf("the budget is %v", in.BudgetUSD)
	}
}

func TestParseTuneRefuses(t *testing.T) {
	t.Parallel()
	for body, param := range map[string]string{
		`{`:                                "",
		`[]`:                               "",
		`{"alias":""}`:                     "alias",
		`{"alias":7}`:                      "alias",
		`{"base":"gpt"}`:                   "base",
		`{"base":"/x"}`:                    "base",
		`{"min_examples":0}`:               "min_examples",
		`{"min_examples":1.5}`:             "min_examples",
		`{"budget_usd":"-1"}`:              "budget_usd",
		`{"budget_usd":"1e9"}`:             "budget_usd",
		`{"dry_run":"yes"}`:                "dry_run",
		`{"method":"rlhf"}`:                "method",
		`{"method":7}`:                     "method",
		`{"beta":0}`:                       "beta",
		`{"beta":"0.1"}`:                   "beta",
		`{"method":"sft","beta":0.1}`:      "beta",
		`{"budget":1}`:                     "budget",
		`{"host":"groq"}`:                  "host",
		`{"model":"dl-1"}`:                 "model",
		`{"model":"a/b","host":""}`:        "host",
		`{"model":"a/b","base":"a/c"}`:     "base",
		`{"model":"a/b","method":"sft"}`:   "method",
		`{"model":"a/b","beta":0.1}`:       "beta",
		`{"model":"a/b","min_examples":1}`: "min_examples",
		"{\"alias\":\"\xff\"}":             "",
		`{"alias":"` + long(65) + `"}`:     "alias",
		`{"base":"a/` + long(200) + `"}`:   "base",
	} {
		_, err := ParseTune([]byte(body))
		wantParam(t, body, err, param)
	}
}

func long(n int) string { return strings.Repeat("x", n) }

func wantParam(t *testing.T, body string, err error, param string) {
	t.Helper()
	var fault *InputError
	if !errors.As(err, &fault) || fault.Param != param {
		t.Errorf("%.60s: error %v, want one about %q", body, err, param)
	}
}

func TestParseTraining(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]Hyper{
		`{"model":"m","training_file":"file-1"}`: {},
		`{"model":"m","training_file":"file-1","seed":3,"hyperparameters":{"n_epochs":"auto","batch_size":8}}`: {
			Seed: 3, BatchSize: 8},
		`{"model":"m","training_file":"file-1","method":{"type":"supervised","supervised":{"hyperparameters":` +
			`{"n_epochs":2,"learning_rate_multiplier":0.5}}},"integrations":[],"validation_file":null}`: {
			Epochs: 2, Multiplier: 0.5},
		`{"model":"m","training_file":"file-1","method":{"type":"dpo"}}`: {},
		`{"model":"m","training_file":"file-1","method":{"type":"dpo","dpo":{"hyperparameters":` +
			`{"beta":0.2,"n_epochs":"auto","batch_size":8}}}}`: {Beta: 0.2, BatchSize: 8},
	} {
		in, err := ParseTraining([]byte(body))
		dpo := strings.Contains(body, "dpo")
		if err != nil || in.Hyper != want || (in.Method == MethodDPO) != dpo || in.Model != "m" || in.File != "file-1" {
			t.Errorf("%s: %+v, %v", body, in, err)
		}
	}
}

func TestParseTrainingRefuses(t *testing.T) {
	t.Parallel()
	const named = `{"model":"m","training_file":"file-1",`
	for body, param := range map[string]string{
		`{}`:                                               "model",
		`{"model":"m"}`:                                    "training_file",
		named + `"validation_file":7}`:                     "validation_file",
		named + `"suffix":""}`:                             "suffix",
		named + `"n_epochs":3}`:                            "n_epochs",
		named + `"integrations":[{}]}`:                     "integrations",
		named + `"metadata":"x"}`:                          "metadata",
		named + `"seed":-1}`:                               "seed",
		named + `"method":{"type":"reinforcement"}}`:       "method.type",
		named + `"method":{"type":"dpo","supervised":{}}}`: "method.supervised",
		named + `"method":{"type":"dpo","dpo":{"hyperparameters":{"beta":0}}}}`:                 "method.dpo.hyperparameters.beta",
		named + `"method":{"type":"supervised","supervised":{"hyperparameters":{"beta":0.1}}}}`: "method.supervised.hyperparameters.beta",
		named + `"method":{}}`:                                      "method.type",
		named + `"method":{"type":"supervised","dpo":{}}}`:          "method.dpo",
		named + `"method":{"type":"supervised","supervised":[]}}`:   "method.supervised",
		named + `"hyperparameters":{"n_epochs":0}}`:                 "hyperparameters.n_epochs",
		named + `"hyperparameters":{"batch_size":"big"}}`:           "hyperparameters.batch_size",
		named + `"hyperparameters":{"learning_rate":1}}`:            "hyperparameters.learning_rate",
		named + `"hyperparameters":{"learning_rate_multiplier":0}}`: "hyperparameters.learning_rate_multiplier",
	} {
		_, err := ParseTraining([]byte(body))
		wantParam(t, body, err, param)
	}
}
