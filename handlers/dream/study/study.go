// Package study is the room of what a dream decides about one experience: whether
// it is worth a question, what is asked, and what the answers come to.
//
// A study is a pure stepper: from the experience and the answers so far it returns
// the next questions or the verdict. It asks nobody, keeps nothing and knows no
// time, so that live calls and batches of a vendor can drive it alike.
package study

import (
	"encoding/json"
	"errors"
	"strings"

	"dreamlab/handlers/judge"
	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/providers/redact"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// ReplayTokens bounds a replayed answer.
const ReplayTokens = 1024

// PurposeReplay is what the money of a replay is for; those of judgements are
// package judge's.
const PurposeReplay = "replay"

// Role is who is to answer a question.
type Role string

// The roles.
const (
	Base Role = "base" // the model that is to become better
	Lead Role = "lead" // the model that judges
)

// Question is a question to a model in a role. Its step, "<experience>/<stage>",
// names the answer.
type Question struct {
	judge.Question
	Role Role
}

// Verdict is why an experience is kept or not.
type Verdict struct {
	Reject       string // why it gives no row; "" where it does
	VerifiedBy   string // reference, correction, judged; "" where it was not
	Why          string // the judge's words, masked
	RejectedHalf string // the worse answer, for a preference pair, masked
	Score        int64  // thousandths
	Replayed     bool   // the base model has answered
	Judged       bool   // both judgements could be read
}

// Study is one experience under study, with the row that may come of it, free of
// personal data. It starts with [New].
type Study struct {
	Experience learn.Experience
	mask       *redact.Masker  // of the conversation
	rejected   string          // what speaks against it before anything is asked
	prompt     json.RawMessage // messages before the answer, masked
	answer     string          // of the row, masked
	author     string
	recorded   string // the recorded answer, masked
	secret     bool   // the answer held a secret
	calls      bool   // the recorded answer calls tools
}

// New begins a study. It chooses the row's answer: the user's correction, else the
// reference, else what was recorded. A reference that can be checked exactly
// and that the recorded answer meets leaves the recorded one: it says the same
// and how it came to it.
func New(e learn.Experience) *Study {
	s := &Study{Experience: e, author: authorRecorded, mask: redact.New()}
	var message providers.Message
	if json.Unmarshal(e.Answer, &message) == nil {
		s.recorded, s.calls = message.Text(), len(message.ToolCalls) > 0
	}
	answer := s.recorded
	checkable, right := judge.Exact(e.Reference, s.recorded)
	switch {
	case e.Correction != "":
		answer, s.author = e.Correction, authorUser
	case e.Reference != "" && !(checkable && right):
		answer, s.author = e.Reference, authorReference
	}
	s.prompt = maskMessages(s.mask, e.Prompt)
	s.recorded, _ = s.mask.Text(s.recorded)
	s.answer, s.secret = s.mask.Text(strings.TrimSpace(answer))
	s.rejected = s.screen()
	return s
}

// Rejected says what speaks against the experience before anything is asked, "" for
// nothing.
func (s *Study) Rejected() string { return s.rejected }

// RejectDuplicate tells the study that the tenant has the same row already.
func (s *Study) RejectDuplicate() { s.rejected = Duplicate }

// Next returns the questions that can be asked next, all of them at once or one
// after the other, or else the verdict. Answers are given by step, those that
// failed with their error; an error that is not this experience's own is returned
// as it is. Where one question is asked at a time, the first that is returned is
// the one to ask: its answer may make the others needless.
func (s *Study) Next(given map[string]judge.Answer) ([]Question, Verdict, error) {
	if s.rejected != "" {
		return nil, Verdict{Reject: s.rejected}, nil
	}
	replay, answered := given[s.step("replay")]
	if !answered {
		question, err := s.replay()
		return []Question{question}, Verdict{}, err
	}
	if replay.Err != nil {
		return nil, Verdict{Reject: ownFault(replay.Err)}, foreign(replay.Err)
	}
	questions, v, err := s.compare(replay.Reply.Content, given)
	v.Replayed = true
	return questions, v, err
}

func (s *Study) step(stage string) string { return s.Experience.ID + "/" + stage }

// replay has the base model answer again; it does not see the old answer.
func (s *Study) replay() (Question, error) {
	var messages []providers.Message
	if err := json.Unmarshal(s.prompt, &messages); err != nil {
		return Question{}, err
	}
	request := providers.Request{Messages: messages, Settings: completion.Settings{MaxTokens: ReplayTokens}}
	return Question{judge.Question{Step: s.step("replay"), Purpose: PurposeReplay, Request: request}, Base}, nil
}

// compare decides between the row's answer and the replay.
func (s *Study) compare(replay string, given map[string]judge.Answer) ([]Question, Verdict, error) {
	if v, decided := s.checked(replay); decided {
		return nil, v, nil
	}
	if s.repeats(replay) {
		return nil, Verdict{Reject: SameAsReplay, Why: "the model says the same again, and nobody said that it was right"}, nil
	}
	outcome, asked, err := judge.Next(judge.Case{
		Prompt: s.prompt, First: s.answer, Second: replay, Reference: s.Experience.Reference, Feedback: s.feedback(),
	}, s.step("judge"), given)
	switch {
	case errors.Is(err, judge.ErrMalformed):
		return nil, Verdict{Reject: Malformed}, nil
	case err != nil:
		return nil, Verdict{Reject: ownFault(err)}, foreign(err)
	case len(asked) > 0:
		return toLead(asked), Verdict{}, nil
	}
	v := s.judged(outcome, replay)
	v.Judged = true
	return nil, v, nil
}

func toLead(asked []judge.Question) []Question {
	questions := make([]Question, len(asked))
	for i, q := range asked {
		questions[i] = Question{q, Lead}
	}
	return questions
}

// ownFaults are a vendor's refusals of one experience: they say nothing about the
// others.
var ownFaults = map[string]bool{
	"content_filter": true, "context_length_exceeded": true, "invalid_request": true, "unsupported_parameter": true,
}

// ownFault returns the code of a refusal that is the experience's own, else "".
func ownFault(err error) string {
	var failure *tasks.Failure
	if errors.As(err, &failure) && ownFaults[failure.Code] {
		return failure.Code
	}
	return ""
}

// foreign returns an error that is not the experience's own, else nil.
func foreign(err error) error {
	if ownFault(err) != "" {
		return nil
	}
	return err
}
