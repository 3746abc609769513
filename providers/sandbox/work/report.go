package work

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"dreamlab/providers/sandbox/model"
)

// maxLine bounds a row, in bytes.
const maxLine = 8 << 20

// Report is what the check of a file found.
type Report struct {
	Format  string `json:"format,omitempty"`
	Lines   int64  `json:"lines"`
	Tokens  int64  `json:"tokens"`
	Weights bool   `json:"weights,omitempty"` // messages have them
	Error   string `json:"error,omitempty"`   // of the first bad line, empty where all are good
}

// formatPreference is the format of preference pairs.
const formatPreference = "preference"

// record is a row of any of the formats that vendors train on: a conversation,
// a prompt with its completion, a preference, or mere text.
type record struct {
	Messages   []json.RawMessage `json:"messages"`
	Prompt     *string           `json:"prompt"`
	Completion *string           `json:"completion"`
	Text       *string           `json:"text"`
	Input      *struct {
		Messages []json.RawMessage `json:"messages"`
	} `json:"input"`
	Preferred    []json.RawMessage `json:"preferred_output"`
	NonPreferred []json.RawMessage `json:"non_preferred_output"`
}

// inspect checks a file row by row. The error is of reading, not of the file.
func inspect(r io.Reader) (Report, error) {
	var found Report
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for found.Error == "" && lines.Scan() {
		found.Lines++
		if wrong := found.row(lines.Bytes()); wrong != "" {
			found.Error = fmt.Sprintf("Line %d: %s", found.Lines, wrong)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		found.Error = fmt.Sprintf("Line %d: the line is too long", found.Lines+1)
		return found, nil
	}
	if found.Lines == 0 && lines.Err() == nil {
		found.Error = "The file is empty: it must contain at least 1 sample"
	}
	return found, lines.Err()
}

// row checks one row and returns what is wrong with it.
func (r *Report) row(line []byte) string {
	if !utf8.Valid(line) {
		return "the line is not UTF-8"
	}
	var rec record
	if err := json.Unmarshal(line, &rec); err != nil {
		return "the line must be a JSON object of a known dataset format: " + err.Error()
	}
	format, wrong := rec.check(r)
	switch {
	case wrong != "":
		return wrong
	case r.Format != "" && r.Format != format:
		return fmt.Sprintf(
			"all samples must have one format: this one is %s, those before are %s",
			format,
			r.Format,
		)
	}
	r.Format = format
	r.Tokens += model.CountTokens(string(line))
	return ""
}

func (rec *record) check(r *Report) (format, wrong string) {
	switch {
	case rec.Messages != nil:
		return "conversation", r.conversation(rec.Messages)
	case rec.Prompt != nil && rec.Completion != nil:
		return "instruction", ""
	case rec.Input != nil:
		return formatPreference, rec.preference(r)
	case rec.Text != nil:
		return "general", ""
	}
	return "", "the sample must have `messages`, `prompt` and `completion`, `text`, or `input` with " +
		"`preferred_output` and `non_preferred_output`"
}

func (rec *record) preference(r *Report) string {
	prompt := rec.Input.Messages
	switch {
	case !answered(rec.Preferred) || !answered(rec.NonPreferred):
		return "`preferred_output` and `non_preferred_output` must have one assistant message each"
	case len(prompt) == 0:
		return "`input.messages` must not be empty"
	}
	if wrong := r.turns("input.messages", prompt); wrong != "" {
		return wrong
	}
	if answered(prompt[len(prompt)-1:]) {
		return "`input.messages` must not end with an assistant message"
	}
	if wrong := r.turns("preferred_output", rec.Preferred); wrong != "" {
		return wrong
	}
	return r.turns("non_preferred_output", rec.NonPreferred)
}

// answered tells whether messages are one of the assistant's.
func answered(messages []json.RawMessage) bool {
	var m message
	return len(messages) == 1 && json.Unmarshal(messages[0], &m) == nil && m.Role != nil && *m.Role == "assistant"
}

func (r *Report) conversation(messages []json.RawMessage) string {
	if len(messages) == 0 {
		return "`messages` must not be empty"
	}
	if wrong := r.turns("messages", messages); wrong != "" {
		return wrong
	}
	return spoken(messages)
}

type message struct {
	Role    *string `json:"role"`
	Content any     `json:"content"`
	Weight  *int    `json:"weight"`
	Calls   []any   `json:"tool_calls"`
}

func (r *Report) turns(field string, messages []json.RawMessage) string {
	for i, raw := range messages {
		var m message
		if err := json.Unmarshal(raw, &m); err != nil {
			return fmt.Sprintf("`%s[%d]` must be an object with `role` and `content`", field, i)
		}
		switch {
		case m.Role == nil:
			return fmt.Sprintf("`%s[%d]` must contain a `role` field", field, i)
		case !slices.Contains([]string{"system", "user", "assistant", "tool"}, *m.Role):
			return fmt.Sprintf("`%s[%d]` has the unknown role `%s`", field, i, *m.Role)
		case m.Content == nil && len(m.Calls) == 0:
			return fmt.Sprintf("`%s[%d]` must contain a `content` field", field, i)
		case m.Weight != nil && *m.Weight != 0 && *m.Weight != 1:
			return fmt.Sprintf("`%s[%d]` must have a `weight` of 0 or 1", field, i)
		}
		r.Weights = r.Weights || m.Weight != nil
	}
	return ""
}

// spoken checks who speaks after whom, of messages found sound.
func spoken(messages []json.RawMessage) string {
	before, answered := "", false
	for i, raw := range messages {
		var m message
		if err := json.Unmarshal(raw, &m); err != nil {
			return err.Error()
		}
		if *m.Role == before && before != "tool" {
			return fmt.Sprintf("`messages[%d]` has the role `%s` of the message before it", i, before)
		}
		before = *m.Role
		answered = answered || before == "assistant"
	}
	if !answered {
		return "`messages` must contain at least one assistant message"
	}
	return ""
}
