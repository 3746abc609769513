package emulator

import (
	"encoding/json"

	"dreamlab/providers/sandbox/dress"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/work"
)

// batches are Groq's (https://console.groq.com/docs/batch): OpenAI's, at half price, with
// windows up to a week and a prefix of its own for the ids of answers.
func (e *emulator) batches(account *work.Account) *dress.Batches {
	return &dress.Batches{
		Lab: e.lab, Vendor: e.dialect.Vendor, Account: account,
		Base: "/openai/v1", Route: "/v1/chat/completions", Prefix: "batch_req_out_", Percent: 50,
		Purposes: []string{purposeLora},
		Windows:  []string{"24h", "2d", "3d", "4d", "5d", "6d", "7d"},
		Model: func(id string) *lab.Failure {
			_, refused := e.find(id)
			return refused
		},
		Answer: e.answerLine, Error: func(f lab.Failure) any { return errorObject(f) },
	}
}

// answerLine answers a line of a batch as a live call, but for streams.
func (e *emulator) answerLine(line json.RawMessage) (work.BatchSaid, *lab.Failure) {
	var ask ask
	if err := json.Unmarshal(line, &ask); err != nil {
		return work.BatchSaid{}, unreadable(err)
	}
	served, refused := e.serving(&ask)
	if refused != nil {
		return work.BatchSaid{}, refused
	}
	answer := &lab.Answer{Model: served.ID, Ask: &ask.Ask}
	if refused := e.lab.Complete(answer, served.brain); refused != nil {
		return work.BatchSaid{}, refused
	}
	return work.BatchSaid{Body: whole(answer), Usage: answer.Usage}, nil
}
