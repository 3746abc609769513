package study

import (
	"strings"

	"dreamlab/handlers/judge"
	"dreamlab/handlers/judge/screen"
	"dreamlab/providers"
)

// improve has the lead model answer where nothing good was said. Its answer becomes the
// row where it meets the reference, or is better than the replay in both orders and good
// enough; else the verdict on what was said stands.
func (s *Study) improve(said Verdict, replay *providers.Reply, given map[string]judge.Answer) (
	[]Question, Verdict, error,
) {
	if unfinished(replay) {
		return nil, said, nil // there is nothing to compare with
	}
	reply, asked, err := samples{s, given}.best(replay)
	if err != nil || len(asked) > 0 || reply == nil {
		return asked, said, err
	}
	answer := strings.TrimSpace(reply.Content)
	checkable, right := judge.Exact(s.Experience.Reference, answer)
	if same(answer, replay.Content) || checkable && !right || !s.fit(reply) {
		return nil, said, nil
	}
	if checkable && !bareNumber(s.Experience.Reference) {
		return nil, s.improved(Verdict{VerifiedBy: byReference, Score: fullScore}, answer, replay.Content), nil
	}
	outcome, asked, v, err := s.judge("improve", answer, replay.Content, "", given)
	if err != nil || len(asked) > 0 || v.Reject != "" {
		return asked, v, err
	}
	if v = s.judged(outcome, replay.Content); v.Reject != "" {
		said.Judged = true
		return nil, said, nil
	}
	return nil, s.improved(v, answer, replay.Content), nil
}

// improved completes the verdict on an answer of the lead model that is kept.
func (s *Study) improved(v Verdict, answer, replay string) Verdict {
	v.Improved = answer
	v.RejectedHalf, _ = s.mask.Text(replay)
	return v
}

// fit tells whether an answer of the lead model may be taught: it is whole, no junk, and
// holds no personal data.
func (s *Study) fit(reply *providers.Reply) bool {
	text := strings.TrimSpace(reply.Content)
	whole := !unfinished(reply) && reply.Finish != "tool_calls" && len(s.prompt)+len(text) <= maxPrompt
	return whole && (s.made || s.clean(text))
}

// clean tells whether an answer is no junk and holds no personal data. It is kept, since Next looks at all answers
// so far each time: a long one takes some milliseconds.
func (s *Study) clean(text string) bool {
	known, found := s.looked[text]
	if !found {
		masked, _ := s.mask.Text(text)
		known = masked == text && screen.Reason(s.messages(), text) == ""
		s.looked[text] = known
	}
	return known
}

// unfinished tells whether a reply is no answer to compare with.
func unfinished(reply *providers.Reply) bool {
	cut := reply.Finish == "length" || reply.Finish == "content_filter" || reply.Refusal != ""
	return cut || strings.TrimSpace(reply.Content) == ""
}

// same tells whether two answers say the same word for word.
func same(a, b string) bool { return strings.TrimSpace(a) == strings.TrimSpace(b) }
