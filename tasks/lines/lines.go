// Package lines is a file of requests as clients send it to be answered later, and the
// inputs of the jobs that answer it
// (https://platform.openai.com/docs/api-reference/batch/request-input).
package lines

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"dreamlab/tasks"
	"dreamlab/tasks/lenient"
)

// Bounds of a file of requests: OpenAI's.
const (
	MaxLines  = 50_000
	maxLine   = 8 << 20 // bytes
	maxID     = 512     // bytes of a custom_id
	maxFaults = 20      // that are told
)

// Endpoint is the one that lines may ask for.
const Endpoint = "/v1/chat/completions"

// BatchInput is the input of batch.run.
type BatchInput struct {
	Batch string `json:"batch"`
}

// LiveInput is the input of batch.live: the lines that it asks for live.
type LiveInput struct {
	Batch string `json:"batch"`
	Lines []int  `json:"lines"`
}

// Fault is what is wrong with a file, in OpenAI's form.
type Fault struct {
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Param   *string `json:"param"`
	Line    *int    `json:"line"`
}

// Line is one request of a file.
type Line struct {
	Number   int
	CustomID string
	Body     json.RawMessage
	Model    string
}

// reader reads a file and notes what is wrong with it.
type reader struct {
	faults []Fault
	seen   map[string]bool
	model  string
	lines  int
}

// Read hands the lines of a file to each, in its order, and returns what is wrong with it:
// then what each was given is of no use. The error is of reading, or of each.
func Read(file io.Reader, endpoint string, each func(Line) error) ([]Fault, error) {
	r := &reader{seen: map[string]bool{}}
	rows := lenient.NewRows(file, maxLine)
	for {
		row, err := rows.Next()
		switch {
		case errors.Is(err, io.EOF):
			return r.ended(), nil
		case errors.Is(err, lenient.ErrLong):
			r.fault(int(rows.Number()), "invalid_json_line", "", "The line has more than %d bytes: shorten it.", maxLine)
			return r.faults, nil
		case errors.Is(err, lenient.ErrUTF16):
			r.fault(0, "invalid_json_line", "", "The file is not UTF-8: encode it so.")
			return r.faults, nil
		case err != nil:
			return nil, fmt.Errorf("read the file of requests: %w", err)
		case len(row) == 0:
			continue
		}
		line, ok := r.read(int(rows.Number()), row, endpoint)
		if !ok {
			continue
		}
		if err := each(line); err != nil {
			return nil, err
		}
	}
}

func (r *reader) fault(line int, code, param, format string, args ...any) {
	f := Fault{Code: code, Message: fmt.Sprintf(format, args...)}
	if param != "" {
		f.Param = &param
	}
	if line > 0 {
		f.Line = &line
	}
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, f)
	}
}

func (r *reader) ended() []Fault {
	if r.lines == 0 && len(r.faults) == 0 {
		r.fault(0, "empty_file", "", "The file has no requests: send JSONL, one request a line.")
	}
	return r.faults
}

// read reads a line, and tells whether it is sound.
func (r *reader) read(number int, row []byte, endpoint string) (Line, bool) {
	var asked struct {
		CustomID *string         `json:"custom_id"`
		Method   string          `json:"method"`
		URL      string          `json:"url"`
		Body     json.RawMessage `json:"body"`
	}
	before := len(r.faults)
	r.lines++
	switch err := json.Unmarshal(row, &asked); {
	case r.lines > MaxLines:
		if r.lines == MaxLines+1 {
			r.fault(number, "too_many_tasks", "", "The file has more than %d requests: split it.", MaxLines)
		}
		return Line{}, false
	case err != nil:
		r.fault(number, "invalid_json_line", "", "The line is not a JSON object.")
	case asked.CustomID == nil || *asked.CustomID == "" || len(*asked.CustomID) > maxID:
		r.fault(number, "invalid_custom_id", "custom_id", "custom_id has to be a text of 1 to %d bytes.", maxID)
	case r.seen[*asked.CustomID]:
		r.fault(number, "duplicate_custom_id", "custom_id", "Another line has the same custom_id: make it unique.")
	case asked.Method != http.MethodPost:
		r.fault(number, "invalid_method", "method", "method has to be POST.")
	case asked.URL != endpoint:
		r.fault(number, "url_mismatch", "url", "url has to be the batch's endpoint %s.", endpoint)
	default:
		r.seen[*asked.CustomID] = true
		line := Line{Number: number, CustomID: *asked.CustomID, Body: asked.Body}
		r.check(&line)
		return line, len(r.faults) == before && len(r.faults) < maxFaults
	}
	return Line{}, false
}

// check reads the body as a live call does.
func (r *reader) check(line *Line) {
	request, err := tasks.ParseChat(line.Body)
	var fault *tasks.InputError
	switch {
	case errors.As(err, &fault):
		r.fault(line.Number, fault.Code, "body."+fault.Param, "%s", fault.Message)
		return
	case request.Stream:
		r.fault(line.Number, "invalid_request", "body.stream", "a batch cannot stream: remove stream.")
		return
	case r.model != "" && request.Model != r.model:
		r.fault(line.Number, "model_mismatch", "body.model", "All lines of a file name one model: split it.")
		return
	}
	line.Model, r.model = request.Model, request.Model
}
