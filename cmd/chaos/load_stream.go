package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
)

// shown is what a client received of a stream.
type shown struct {
	job    string
	ids    []string // of its events, in order
	text   string   // of all its chunks
	done   bool     // it ended with [DONE]
	failed bool     // it ended with an error event
	cut    bool     // its connection broke
	after  bool     // an event came after its end
}

func (c *load) noteShown(s shown) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shown = append(c.shown, s)
}

// readShown reads a stream's events.
func readShown(job string, stream []byte, cut bool) shown {
	s := shown{job: job, cut: cut}
	var text strings.Builder
	lines := bufio.NewScanner(bytes.NewReader(stream))
	lines.Buffer(nil, len(stream)+1)
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		if field == "" { // between two events, or a comment
			continue
		}
		s.after = s.after || s.done || s.failed && field != "data"
		switch {
		case field == "id":
			s.ids = append(s.ids, value)
		case field == "event" && value == "error":
			s.failed = true
		case value == "[DONE]":
			s.done = true
		case field == "data" && !s.failed:
			text.WriteString(textOfChunk(value))
		}
	}
	s.text = text.String()
	return s
}

func textOfChunk(data string) string {
	var chunk struct {
		Choices []struct{ Delta struct{ Content string } }
	}
	if json.Unmarshal([]byte(data), &chunk) != nil || len(chunk.Choices) == 0 {
		return ""
	}
	return chunk.Choices[0].Delta.Content
}
