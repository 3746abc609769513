package study

import (
	"encoding/json"
	"strings"

	"dreamlab/handlers/recall"
	"dreamlab/providers"
	"dreamlab/store/learn"
)

const (
	// fewWords is how many words an answer needs to be known again: a short one fits many questions.
	fewWords = 8
	// nearly is the share of their words in which two conversations ask the same.
	nearly = 0.6
)

// AnswerSum is the hash by which rows with the same answer are found, "" where the answer has too few
// words to be known again, or where something else than two judgements decides.
func (s *Study) AnswerSum() string {
	judged := s.rejected == "" && s.weak == "" && s.author == authorRecorded && s.Experience.Reference == ""
	if !judged {
		return ""
	}
	return answerSum(s.answer)
}

func answerSum(answer string) string {
	if len(strings.Fields(answer)) < fewWords {
		return ""
	}
	return hash([]byte(answer))
}

// Know tells the study of rows that were judged and may have the same answer. Where one has it word for word,
// to nearly the same conversation, its verdict is this one's, too: only the base model is asked again.
func (s *Study) Know(rows []learn.Example) {
	said := spoken(s.messages())
	for _, row := range rows {
		messages := rowMessages(row)
		if len(messages) < 2 {
			continue
		}
		last := len(messages) - 1
		if same(messages[last].Text(), s.answer) && recall.Likeness(spoken(messages[:last]), said) >= nearly {
			s.known = max(s.known, row.Score)
		}
	}
}

func rowMessages(row learn.Example) []providers.Message {
	var messages []providers.Message
	if json.Unmarshal(row.Messages, &messages) != nil {
		return nil
	}
	return messages
}

// spoken is what a conversation says, without the instructions that are the same in all.
func spoken(messages []providers.Message) string {
	var out strings.Builder
	for _, m := range messages {
		if m.Role != "system" && m.Role != "developer" {
			out.WriteString(m.Text() + "\n")
		}
	}
	return out.String()
}

// knows decides an answer that was verified before, unless the base model now says nearly the same.
func (s *Study) knows(replay string) bool {
	return s.known >= Floor && !recall.Alike(replay, s.answer)
}

// verifiedBefore is the verdict on an answer that was verified before.
func (s *Study) verifiedBefore(replay string) Verdict {
	v := Verdict{VerifiedBy: byKnown, Score: s.known, Why: "the same answer to nearly the same question was verified before"}
	v.RejectedHalf, _ = s.mask.Text(replay)
	return v
}
