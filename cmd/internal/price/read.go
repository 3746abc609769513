package price

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/tasks"
	"dreamlab/tasks/lenient"
)

// maxRow bounds a row, in bytes.
const maxRow = 8 << 20

// shape is what tells the forms of rows apart.
type shape struct {
	Body     json.RawMessage   `json:"body"` // of OpenAI's batch lines
	Model    json.RawMessage   `json:"model"`
	Messages []json.RawMessage `json:"messages"`
	Input    json.RawMessage   `json:"input"` // texts to be turned into vectors
	Question string            `json:"question"`
	Answer   string            `json:"answer"`
	Turns    []string          `json:"turns"`
}

// Read hands the requests of a file to each, in their order. A row is a line of OpenAI's
// batches, the body of a chat or of embeddings, or a conversation in any form that an
// import takes, every answer of which was a request. The file may have any size. Read
// stops at the first row that it can not read, whose number the error has.
func Read(file io.Reader, each func(Ask) error) error {
	rows := lenient.NewRows(file, maxRow)
	for conversation := int64(0); ; conversation++ {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read row %d: %w", conversation+1, err)
		}
		asks, err := asksOf(row)
		if err != nil {
			return fmt.Errorf("row %d: %w", rows.Number(), err)
		}
		for turn, ask := range asks {
			ask.Conversation, ask.Turn = conversation, int64(turn)
			if err := each(ask); err != nil {
				return err
			}
		}
	}
}

func asksOf(row []byte) ([]Ask, error) {
	var s shape
	if err := json.Unmarshal(row, &s); err != nil {
		return nil, errors.New("it is not a JSON object of a request or a conversation")
	}
	switch {
	case len(s.Body) > 0:
		return asksOf(s.Body)
	case len(s.Input) > 0:
		return vectorsOf(s.Input)
	case len(s.Turns) > 0:
		return turnsOf(s.Turns), nil
	case s.Question != "":
		return []Ask{question(s.Question, s.Answer)}, nil
	case len(s.Model) > 0 && len(s.Messages) > 0 && !answered(s.Messages):
		return chatOf(row)
	}
	return conversationOf(row)
}

// answered tells whether the last message is an answer, as in a conversation.
func answered(messages []json.RawMessage) bool {
	var last struct {
		Role string `json:"role"`
	}
	return json.Unmarshal(messages[len(messages)-1], &last) == nil && last.Role == "assistant"
}

func chatOf(body []byte) ([]Ask, error) {
	chat, err := tasks.ParseChat(body)
	if err != nil {
		return nil, err
	}
	return []Ask{{Request: handlers.RequestOf(chat)}}, nil
}

func vectorsOf(input json.RawMessage) ([]Ask, error) {
	var texts []string
	if json.Unmarshal(input, &texts) != nil {
		texts = []string{""}
		if json.Unmarshal(input, &texts[0]) != nil {
			return nil, errors.New("input has to be a text or a list of texts")
		}
	}
	return []Ask{{Request: providers.Request{Inputs: texts}}}, nil
}

func question(text, answer string) Ask {
	return Ask{
		Request: providers.Request{Messages: []providers.Message{providers.TextMessage("user", text)}},
		Answer:  answerTokens(len(answer)),
	}
}

// turnsOf are questions that belong together, without their answers.
func turnsOf(turns []string) []Ask {
	var messages []providers.Message
	asks := make([]Ask, len(turns))
	for i, turn := range turns {
		messages = append(messages, providers.TextMessage("user", turn))
		asks[i] = Ask{Request: providers.Request{Messages: messages[: i+1 : i+1]}}
	}
	return asks
}

func conversationOf(row []byte) ([]Ask, error) {
	line, err := tasks.ParseConversation(row)
	if err != nil {
		return nil, err
	}
	turns, _ := line.Turns()
	asks := make([]Ask, len(turns))
	for i, turn := range turns {
		var messages []tasks.Message
		if err := json.Unmarshal(turn.Prompt, &messages); err != nil {
			return nil, fmt.Errorf("read a conversation: %w", err)
		}
		chat := tasks.ChatRequest{Messages: messages}
		asks[i] = Ask{Request: handlers.RequestOf(&chat), Answer: answerTokens(textSize(turn.Answer))}
	}
	return asks, nil
}

// textSize counts what an answer shows, its calls of tools included.
func textSize(answer json.RawMessage) int {
	var message tasks.Message
	if json.Unmarshal(answer, &message) != nil {
		return len(answer)
	}
	text := providers.Message{Content: message.Content}.Text()
	return len(text) + len(message.ToolCalls)
}
