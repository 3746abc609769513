package study

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strings"

	"dreamlab/providers"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
)

// Who wrote a row's answer.
const (
	authorUser      = "user"
	authorReference = "reference"
	authorRecorded  = "recorded"
	authorLead      = "lead"
)

// Example is the row of an experience that is kept, without an id and a dream.
func (s *Study) Example(v Verdict) learn.Example {
	answer, author := s.answer, s.author
	if v.Improved != "" {
		answer, author = v.Improved, authorLead
	}
	row := s.row(answer)
	return learn.Example{
		Tenant: s.Experience.Tenant, Alias: s.Experience.Alias, Experience: s.Experience.ID,
		Messages: row, Rejected: v.RejectedHalf, Score: v.Score, Verdict: v.VerifiedBy,
		Author: author, Content: hash(row), Answer: s.sumOf(v, answer),
	}
}

// sumOf is the hash by which a row's answer is found again, "" where no judges verified it: what was
// verified by another row is no proof for a third.
func (s *Study) sumOf(v Verdict, answer string) string {
	if v.VerifiedBy != byJudges {
		return ""
	}
	return answerSum(answer)
}

// Repeated counts rows of a dream, by their authors, as duplicates that were kept first.
func Repeated(d learn.Dream, authors []string) learn.Dream {
	if len(authors) == 0 {
		return d
	}
	d.Counts.Rejected = maps.Clone(d.Counts.Rejected) // what was counted before stays
	d.Counts.Reject(Duplicate, len(authors))
	d.Counts.Kept -= len(authors)
	d.Counts.Verified -= len(authors)
	for _, author := range authors {
		if author == authorLead {
			d.Counts.Improved--
		}
	}
	return d
}

// Content is the hash that tells equal rows.
func (s *Study) Content() string { return hash(s.row(s.answer)) }

func hash(row []byte) string {
	sum := sha256.Sum256(row)
	return hex.EncodeToString(sum[:])
}

// row is the conversation with an answer, as it is trained on.
func (s *Study) row(answer string) json.RawMessage {
	var messages []json.RawMessage
	if err := json.Unmarshal(s.prompt, &messages); err != nil { // masked by us
		panic(err)
	}
	return plainjson.Of(append(messages, plainjson.Of(providers.TextMessage("assistant", answer))))
}

// Said is all that a row says, masked: the conversation with its calls of tools, the answer, and the worse answer
// of a preference pair.
func (s *Study) Said(v Verdict) string {
	out := []string{s.Conversation(), cmp.Or(v.Improved, s.answer), v.RejectedHalf}
	for _, m := range s.messages() {
		out = append(out, string(m.ToolCalls))
	}
	return strings.Join(out, "\n")
}

// Conversation is what was said before the answer, masked, a line for each message.
func (s *Study) Conversation() string {
	var out strings.Builder
	for _, m := range s.messages() {
		out.WriteString(m.Role + ": " + m.Text() + "\n")
	}
	return out.String()
}

// Recorded is the answer that was given, masked.
func (s *Study) Recorded() string { return s.recorded }

// Better is the answer that the user or the reference gives instead of the recorded
// one, masked; "" where there is none.
func (s *Study) Better() string {
	if s.author == authorRecorded {
		return ""
	}
	return s.answer
}

// feedback is what the user said of the recorded answer, in words. Beside a
// correction it would speak of another answer than the row's.
func (s *Study) feedback() string {
	if s.author != authorRecorded {
		return ""
	}
	comment, _ := s.mask.Text(s.Experience.Comment)
	rating := s.Experience.Rating
	switch {
	case rating == nil, *rating == 0:
		return comment
	case *rating > 0:
		return strings.TrimSpace("The user liked the recorded answer. " + comment)
	}
	return strings.TrimSpace("The user disliked the recorded answer. " + comment)
}
