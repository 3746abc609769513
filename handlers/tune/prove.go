package tune

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"

	"dreamlab/handlers"
	"dreamlab/handlers/tune/near"
	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/store/blob"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// How the tuned weights are proved: a few prompts of the training file.
const (
	maxProbes = 3
	spread    = 97 // one probe in so many rows
)

// prover does the phase of a training that proves its model.
type prover struct {
	asker        asker
	bucket       blob.Bucket
	stopper      stopper
	answerTokens int
}

func newProver(d Deps) *prover {
	return &prover{
		asker: asker{d.Caller}, bucket: d.Bucket, stopper: newStopper(d), answerTokens: d.Settings.AnswerTokens,
	}
}

// prove asks the tuned model and its base what the training file answers. Hosts
// have been seen to serve the base under an adapter's name
// (https://github.com/huggingface/text-generation-inference/issues/2505): then
// both say the same. Rows of other forms prove nothing.
func (p *prover) prove(ctx context.Context, l *trainingRun) (*tasks.End, error) {
	probes, err := p.probes(ctx, l.spec.Object)
	if err != nil {
		return nil, err
	}
	votes := 0
	for i, probe := range probes {
		told, err := p.probe(ctx, l, i, probe)
		if err != nil {
			return p.unproved(ctx, l, err)
		}
		if told {
			votes++
		}
	}
	if len(probes) > 0 && 2*votes <= len(probes) {
		return nil, p.stopper.abort(ctx, l, tasks.Fail("vendor_unavailable",
			"tuned weights are not in effect: %d of %d probes were answered as the base answers: ask the vendor",
			len(probes)-votes, len(probes)))
	}
	return l.proved()
}

// maxCold bounds the looks at a model that does not answer yet: an hour at 30 s.
const maxCold = 120

// unproved tells a vendor that is not there yet from one that refuses.
func (p *prover) unproved(ctx context.Context, l *trainingRun, err error) (*tasks.End, error) {
	failure := handlers.Failure(err)
	if providers.KindOf(err) == providers.KindCold {
		if l.spec.Lost++; l.spec.Lost <= maxCold {
			return l.wait(max(p.stopper.pollEvery, failure.After)), nil
		}
		failure.Final = true
	}
	if failure.Final && ctx.Err() == nil {
		return nil, p.stopper.abort(ctx, l, failure)
	}
	return nil, err
}

// proved ends the training: its model answers.
func (l *trainingRun) proved() (*tasks.End, error) {
	l.training.Status, l.spec.Phase = learn.TrainingSucceeded, phaseDone
	end, err := l.outcome()
	if err != nil {
		return nil, err
	}
	end.Write = l.write
	return end, nil
}

// probe tells whether the tuned model answers as it was taught, or at least
// otherwise than its base.
func (p *prover) probe(ctx context.Context, l *trainingRun, i int, row []turn) (bool, error) {
	cold := 0.0
	req := providers.Request{Messages: asked(row), Settings: completion.Settings{MaxTokens: p.answerTokens, Temperature: &cold}}
	step := handlers.Step{Name: fmt.Sprintf("probe/%d/tuned", i), Request: req}
	tuned, err := p.asker.ask(ctx, l.run, step, l.training.Model)
	if err != nil {
		return false, err
	}
	if near.Canonical(tuned.Content) == near.Canonical(row[len(row)-1].Content) {
		return true, nil
	}
	step.Name = fmt.Sprintf("probe/%d/base", i)
	base, err := p.asker.ask(ctx, l.run, step, l.place()+"/"+l.training.Base)
	if err != nil {
		return false, err
	}
	return near.Canonical(tuned.Content) != near.Canonical(base.Content), nil
}

// probes reads the first rows of a training file, some rows apart where it is
// long enough.
func (p *prover) probes(ctx context.Context, object string) ([][]turn, error) {
	file, err := openRows(ctx, p.bucket, object)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var near, apart [][]turn
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, tasks.MaxTrainingRow+1)
	for n := 0; lines.Scan() && len(apart) < maxProbes; n++ {
		taught, ok := taughtBy(lines.Bytes())
		if !ok {
			continue // a client's file may have rows of other forms: they are no probes
		}
		if n%spread == 0 {
			apart = append(apart, taught)
		}
		if len(near) < maxProbes {
			near = append(near, taught)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read training file: %w", err)
	}
	if len(apart) == maxProbes {
		near = apart
	}
	return near, nil
}

// taughtBy is the conversation that a row of a training file teaches: its messages or, of a preference pair, the
// prompt and the better answer.
func taughtBy(line []byte) ([]turn, bool) {
	var row struct {
		Messages []turn
		Input    struct{ Messages []turn }
		Better   []turn `json:"preferred_output"`
	}
	if json.Unmarshal(line, &row) != nil {
		return nil, false
	}
	if len(row.Better) > 0 {
		row.Messages = append(row.Input.Messages, row.Better...)
	}
	return row.Messages, alternating(row.Messages)
}
