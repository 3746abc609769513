package study

import (
	"fmt"
	"strings"

	"dreamlab/handlers/judge"
	"dreamlab/handlers/shared"
	"dreamlab/providers"
)

// What answers have as a rule: a token is four bytes of English, and a verdict is a sentence and three fields.
const (
	bytesPerToken = 4
	verdictTokens = 60
	leastTokens   = 10
)

// Usual is the answer that a question of the study gets as a rule: the base model says something else than was said,
// of the same length, and both verdicts prefer what was said.
func (s *Study) Usual(q Question) judge.Answer {
	content := strings.Repeat("no", max(len(s.answer)/2, leastTokens))
	switch q.Purpose {
	case PurposeImprove:
		content += "\n" + s.Experience.Reference
	case judge.PurposeCritique, judge.PurposeVerify:
		content = VerdictOn(q, 1)
	}
	return judge.Answer{Reply: &providers.Reply{Content: content, Finish: "stop"}}
}

// VerdictOn is a verdict that prefers the first answer of a question's case, with one score for both answers.
func VerdictOn(q Question, score int) string {
	better := "answer_a"
	if q.Turned {
		better = "answer_b"
	}
	return fmt.Sprintf(`{"reason":"","verdict":%q,"score_a":%d,"score_b":%d}`, better, score, score)
}

// UsualUsage is how many tokens a question and its answer have as a rule, alone and in a batch, where judgements share
// their instruction.
func (s *Study) UsualUsage(q Question) (alone, batched providers.Usage) {
	alone.Input = shared.Size(q.Request) / bytesPerToken
	alone.Output = int64(max(len(s.answer)/bytesPerToken, leastTokens))
	if q.Purpose != judge.PurposeCritique && q.Purpose != judge.PurposeVerify {
		return alone, alone
	}
	alone.Output = verdictTokens
	batched = alone
	instruction := int64(len(q.Request.Messages[0].Content)) / bytesPerToken
	batched.Input -= instruction * (shared.Most - 1) / shared.Most
	return alone, batched
}
