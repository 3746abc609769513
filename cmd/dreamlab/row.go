package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"dreamlab/cmd/internal/client"
)

// row is a line of a file to import, of one of three kinds.
type row struct {
	Messages json.RawMessage `json:"messages"` // a conversation, as the API takes it
	Question string          `json:"question"`
	Answer   string          `json:"answer"`
	ID       json.RawMessage `json:"question_id"`
	Turns    []string        `json:"turns"`

	line []byte
}

// The kinds of rows.
type rowKind int

const (
	conversation rowKind = iota
	hasAnswer
	asksTurns
	unknownKind
)

func (r row) kind() rowKind {
	switch {
	case r.Messages != nil:
		return conversation
	case r.Question != "" && r.Answer != "":
		return hasAnswer
	case len(r.Turns) > 0:
		return asksTurns
	}
	return unknownKind
}

// conversation returns the row as the API takes it. The line of a conversation
// stays as it is: the API says what is wrong with it.
func (r row) conversation() (any, error) {
	switch r.kind() {
	case conversation:
		return json.RawMessage(r.line), nil
	case hasAnswer:
		return client.Conversation{
			Messages: []client.Message{
				{Role: "user", Content: r.Question}, {Role: "assistant", Content: r.Answer},
			},
			Reference: referenceOf(r.Answer),
		}, nil
	}
	return nil, errors.New(`give "messages", "question" and "answer", or (in a file of their own) "turns"`)
}

// referenceOf returns what stands behind "####" in the last line, as in GSM8K
// (https://github.com/openai/grade-school-math).
func referenceOf(answer string) string {
	lines := strings.Split(strings.TrimSpace(answer), "\n")
	reference, found := strings.CutPrefix(lines[len(lines)-1], "####")
	if !found {
		return ""
	}
	return strings.TrimSpace(reference)
}

// rows reads a file line by line.
type rows struct {
	scanner *bufio.Scanner
	line    int // the last one that was read, from 1
}

func newRows(file io.Reader) *rows {
	scanner := bufio.NewScanner(file)
	scanner.Buffer(make([]byte, 0, 64<<10), longestLine)
	return &rows{scanner: scanner}
}

// next returns the next row that is not empty, or io.EOF.
func (r *rows) next() (row, error) {
	for r.scanner.Scan() {
		r.line++
		line := bytes.TrimSpace(r.scanner.Bytes())
		if len(line) == 0 {
			continue
		}
		read := row{line: bytes.Clone(line)}
		if err := json.Unmarshal(line, &read); err != nil {
			return row{}, fmt.Errorf("line %d: it is no JSON object of the right shape: %w", r.line, err)
		}
		return read, nil
	}
	if errors.Is(r.scanner.Err(), bufio.ErrTooLong) {
		return row{}, fmt.Errorf("line %d: it is longer than %d MiB: split it", r.line+1, longestLine>>20)
	}
	if err := r.scanner.Err(); err != nil {
		return row{}, fmt.Errorf("line %d: %w", r.line+1, err)
	}
	return row{}, io.EOF
}
