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

// ReplayTokens bounds a replayed answer, and ImproveTokens one of the lead model, which
// may reason first.
const (
	ReplayTokens  = 1024
	ImproveTokens = 2048
)

var maxTokens = map[Role]int{Base: ReplayTokens, Lead: ImproveTokens}

// What the money of answers is for; the purposes of judgements are package judge's.
const (
	PurposeReplay  = "replay"
	PurposeImprove = "improve"
)

// Role is who is to answer a question.
type Role string

// The roles.
const (
	Base Role = "base" // the model that is to become better
	Lead Role = "lead" // the model that judges
	// Verifier judges in the other order, what the lead model finds good.
	Verifier Role = "verifier"
)

// Roles are all of them.
var Roles = []Role{Base, Lead, Verifier}

// Question is a question to a model in a role. Its step, "<experience>/<stage>",
// names the answer.
type Question struct {
	judge.Question
	Role Role
	// Conversation is the one that a judgement is about. Two of one conversation are not asked together: its
	// later turns hold the answers that its earlier ones were given.
	Conversation string
}

// Verdict is why an experience is kept or not.
type Verdict struct {
	Reject       string // why it gives no row; "" where it does
	VerifiedBy   string // reference, correction, judged; "" where it was not
	Why          string // the judge's words, masked
	Improved     string // the lead model's answer, where it is the row's, masked
	RejectedHalf string // the worse answer, for a preference pair, masked
	Score        int64  // thousandths
	Replayed     bool   // the base model has answered
	Judged       bool   // the judgements that it took could be read
}

// Study is one experience under study, with the row that may come of it, free of
// personal data. It starts with [New].
type Study struct {
	Experience learn.Experience
	mask       *redact.Masker  // of the conversation
	rejected   string          // what speaks against it before anything is asked
	weak       string          // why only the lead model's answer may become the row
	prompt     json.RawMessage // messages before the answer, masked
	answer     string          // of the row, masked
	author     string
	recorded   string          // the recorded answer, masked
	secret     bool            // the answer held a secret
	calls      bool            // the recorded answer calls tools
	looked     map[string]bool // which of the lead model's answers are clean
	made       bool            // the answers are made up
	known      int64           // the score of a row with the same answer to nearly the same question, 0 for none
}

// New begins a study. It chooses the row's answer: the user's correction, else the
// reference, else what was recorded. A reference that is a bare number teaches nothing
// of how to come to it: it only checks what was recorded. One that is a word or a
// document, and that the recorded answer meets, leaves the recorded one.
func New(e learn.Experience) *Study {
	s := Masked(e)
	s.rejected, s.weak = s.screen()
	return s
}

// Estimated begins a study whose answers are made up to learn what it may cost: none of the lead model's is taken
// for junk.
func Estimated(e learn.Experience) *Study {
	s := New(e)
	s.made = true
	return s
}

// Masked is New for what is only shown: nothing is looked at for junk.
func Masked(e learn.Experience) *Study {
	s := &Study{Experience: e, author: authorRecorded, mask: redact.Renaming(Opening(e.Prompt)), looked: map[string]bool{}}
	var message providers.Message
	if json.Unmarshal(e.Answer, &message) == nil {
		s.recorded, s.calls = message.Text(), len(message.ToolCalls) > 0
	}
	answer := s.recorded
	switch {
	case e.Correction != "":
		answer, s.author = e.Correction, authorUser
	case s.referenceTeaches():
		answer, s.author = e.Reference, authorReference
	}
	s.prompt = maskMessages(s.mask, e.Prompt)
	s.recorded, _ = s.mask.Text(strings.TrimSpace(s.recorded))
	s.answer, s.secret = s.mask.Text(strings.TrimSpace(answer))
	return s
}

// referenceTeaches tells whether the reference is a better row than what was recorded.
func (s *Study) referenceTeaches() bool {
	reference := s.Experience.Reference
	if reference == "" || bareNumber(reference) {
		return false
	}
	checkable, right := judge.Exact(reference, s.recorded)
	return !checkable || !right || judge.Number(reference)
}

// bareNumber tells whether a reference is a number without the working that leads to it.
func bareNumber(reference string) bool {
	working, _, _ := strings.Cut(reference, "####")
	working = strings.TrimSpace(working)
	return judge.Number(reference) && (working == "" || judge.Number(working))
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
	switch {
	case s.rejected != "":
		return nil, Verdict{Reject: s.rejected}, nil
	case s.author == authorUser:
		return nil, s.corrected(), nil
	}
	replay, answered := given[s.step("replay")]
	if !answered {
		question, err := s.question("replay", PurposeReplay, Base)
		return []Question{question}, Verdict{}, err
	}
	if replay.Err != nil {
		return nil, Verdict{Reject: ownFault(replay.Err)}, foreign(replay.Err)
	}
	questions, v, err := s.compare(replay.Reply, given)
	v.Replayed = true
	return questions, v, err
}

func (s *Study) step(stage string) string { return s.Experience.ID + "/" + stage }

// question has a model answer the prompt; it does not see the old answer.
func (s *Study) question(stage, purpose string, role Role) (Question, error) {
	var messages []providers.Message
	if err := json.Unmarshal(s.prompt, &messages); err != nil {
		return Question{}, err
	}
	request := providers.Request{Messages: messages, Settings: completion.Settings{MaxTokens: maxTokens[role]}}
	return Question{Question: judge.Question{Step: s.step(stage), Purpose: purpose, Request: request}, Role: role}, nil
}

// compare decides between the row's answer and the replay. Where neither is good the lead
// model answers.
func (s *Study) compare(replay *providers.Reply, given map[string]judge.Answer) ([]Question, Verdict, error) {
	v, decided := s.checked(replay.Content)
	switch {
	case decided && v.Reject == Unverified:
		return s.improve(v, replay, given)
	case decided:
		return nil, v, nil
	case s.weak != "":
		return s.improve(Verdict{Reject: s.weak}, replay, given)
	case unfinished(replay):
		return nil, Verdict{Reject: NoReplay, Why: "the base model's answer is empty or was cut"}, nil
	case s.repeats(replay.Content):
		return s.improve(Verdict{Reject: SameAsReplay, Why: repeated}, replay, given)
	case s.knows(replay.Content):
		return nil, s.verifiedBefore(replay.Content), nil
	}
	asked, doubted, err := samples{s, given}.doubt(replay)
	switch {
	case err != nil || len(asked) > 0:
		return asked, Verdict{}, err
	case doubted:
		return s.improve(Verdict{Reject: Inconsistent, Why: "it is not the number that is found again"}, replay, given)
	}
	outcome, asked, v, err := s.judge("judge", s.answer, replay.Content, s.feedback(), given)
	if err != nil || len(asked) > 0 || v.Reject != "" {
		return asked, v, err
	}
	v = s.judged(outcome, replay.Content)
	if v.Reject == "" || outcome.Second >= Floor {
		return nil, v, nil
	}
	return s.improve(v, replay, given)
}

// judge compares an answer with the replay in both orders. An answer that is not the better one in the first order
// is not kept, whatever the second would say: then only the first is asked about. Where there is no outcome yet
// it returns the questions to the lead model, and where there will be none a verdict.
func (s *Study) judge(stage, answer, replay, feedback string, given map[string]judge.Answer) (
	judge.Outcome, []Question, Verdict, error,
) {
	rejects := func(v judge.Verdict) bool { return v.Choice != judge.First }
	outcome, asked, err := judge.NextUnless(rejects, judge.Case{
		Prompt: s.prompt, First: answer, Second: replay, Reference: s.Experience.Reference, Feedback: feedback,
	}, s.step(stage), given)
	switch {
	case errors.Is(err, judge.ErrMalformed):
		return outcome, nil, Verdict{Reject: Malformed}, nil
	case err != nil:
		return outcome, nil, Verdict{Reject: ownFault(err)}, foreign(err)
	}
	return outcome, s.toJudges(asked), Verdict{}, nil
}

// toJudges puts the first order to the lead model, and the second to the one that verifies.
func (s *Study) toJudges(asked []judge.Question) []Question {
	questions := make([]Question, len(asked))
	for i, q := range asked {
		role := Lead
		if q.Purpose == judge.PurposeVerify {
			role = Verifier
		}
		questions[i] = Question{q, role, s.Experience.Conversation}
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
