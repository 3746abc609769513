package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"dreamlab/store/plainjson"
	"dreamlab/tasks/lenient"
)

// Pair is a question with two answers of which it is known which is better.
type Pair struct {
	Category string `json:"category"`
	Question string `json:"question"`
	Better   string `json:"better"`
	Worse    string `json:"worse"`
	Equal    bool   `json:"equal,omitempty"` // people found neither better
}

// prompt is the question as the messages before an answer.
func (p Pair) prompt() json.RawMessage {
	return plainjson.Of([]map[string]string{{"role": "user", "content": p.Question}})
}

// maxRow bounds one pair, in bytes.
const maxRow = 1 << 20

// Read reads pairs, one JSON object a line or in one array, in any of the forms:
//
//   - ours: category, question, better, worse
//   - LLMBar's (https://github.com/princeton-nlp/LLMBar): input, output_1, output_2, label
//   - that of MT-Bench's human judgements (https://huggingface.co/datasets/lmsys/mt_bench_human_judgments):
//     winner, conversation_a, conversation_b
//
// It fails with the first row that has none of them.
func Read(from io.Reader) ([]Pair, error) {
	rows := lenient.NewRows(from, maxRow)
	var pairs []Pair
	for {
		row, err := rows.Next()
		switch {
		case errors.Is(err, io.EOF) && len(pairs) == 0:
			return nil, errors.New("it holds no pair")
		case errors.Is(err, io.EOF):
			return pairs, nil
		case err != nil:
			return nil, fmt.Errorf("row %d: %w", rows.Number(), err)
		case len(row) == 0:
			continue
		}
		p, err := parse(row)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", rows.Number(), err)
		}
		pairs = append(pairs, p)
	}
}

// form has the fields of all forms.
type form struct {
	Pair

	Input   string          `json:"input"`
	Output1 string          `json:"output_1"`
	Output2 string          `json:"output_2"`
	Label   json.RawMessage `json:"label"`

	Winner        string    `json:"winner"`
	ConversationA []message `json:"conversation_a"`
	ConversationB []message `json:"conversation_b"`
}

type message struct{ Role, Content string }

func parse(row []byte) (Pair, error) {
	var f form
	if err := json.Unmarshal(row, &f); err != nil {
		return Pair{}, fmt.Errorf("read a pair: %w", err)
	}
	switch {
	case f.Question != "" && f.Better != "" && f.Worse != "":
		return f.Pair, nil
	case f.Input != "" && f.Output1 != "" && f.Output2 != "":
		return f.llmBar()
	case f.Winner != "" && len(f.ConversationA) > 1 && len(f.ConversationB) > 1:
		return f.mtBench()
	}
	return Pair{}, errors.New("it has the fields of no known form: give question, better and worse; or input, output_1, " +
		"output_2 and label (LLMBar); or winner, conversation_a and conversation_b (MT-Bench)")
}

func (f form) llmBar() (Pair, error) {
	p := Pair{Category: "llmbar", Question: f.Input, Better: f.Output1, Worse: f.Output2}
	switch strings.Trim(string(f.Label), `"`) {
	case "1":
		return p, nil
	case "2":
		p.Better, p.Worse = p.Worse, p.Better
		return p, nil
	}
	return Pair{}, fmt.Errorf("label %s names no output: give 1 or 2", f.Label)
}

func (f form) mtBench() (Pair, error) {
	p := Pair{
		Category: "mt_bench", Question: f.ConversationA[0].Content, Better: spoken(f.ConversationA[1:]),
		Worse: spoken(f.ConversationB[1:]),
	}
	switch {
	case f.Winner == "model_a":
		return p, nil
	case f.Winner == "model_b":
		p.Better, p.Worse = p.Worse, p.Better
		return p, nil
	case strings.HasPrefix(f.Winner, "tie"):
		p.Equal = true
		return p, nil
	}
	return Pair{}, fmt.Errorf("winner %q is none: give model_a, model_b or tie", f.Winner)
}

// spoken writes what followed a question as one text: the answer, and further turns with their roles.
func spoken(turns []message) string {
	texts := []string{turns[0].Content}
	for _, t := range turns[1:] {
		texts = append(texts, t.Role+": "+t.Content)
	}
	return strings.Join(texts, "\n\n")
}
