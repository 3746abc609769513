package tasks

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"dreamlab/tasks/lenient"
)

// MaxTrainingRow bounds a row of a training file, in bytes.
const MaxTrainingRow = 8 << 20

// maxNamedRows is how many bad rows an error names.
const maxNamedRows = 5

// TrainingFile is what a vendor is sent of a training file: its rows, one a line,
// without a byte order mark, empty lines and carriage returns.
type TrainingFile struct {
	Rows   int
	Bytes  int64
	SHA256 string // hex
}

// CheckTrainingFile reads a training file and measures what a vendor is sent of it.
// Each row has to be a JSON object whose messages hold an assistant's turn or, for
// MethodDPO, a prompt with a better and a worse answer. The error names the rows
// that are none; it is an [*InputError], unless the file can not be read.
func CheckTrainingFile(file io.Reader, method Method) (TrainingFile, error) {
	rowFault := conversationFault
	if method == MethodDPO {
		rowFault = pairFault
	}
	var out TrainingFile
	var faults []string
	bad, sum := 0, sha256.New()
	rows := lenient.NewRows(file, MaxTrainingRow+2) // a carriage return and the line's end
	row, err := nextRow(rows)
	for ; err == nil; row, err = nextRow(rows) {
		out.Rows++
		out.Bytes += int64(len(row)) + 1
		sum.Write(row)
		sum.Write([]byte{'\n'}) // never fails
		if why := rowFault(row); why != "" {
			if bad++; bad <= maxNamedRows {
				faults = append(faults, fmt.Sprintf("line %d: %s", rows.Number(), why))
			}
		}
	}
	out.SHA256 = hex.EncodeToString(sum.Sum(nil))
	switch {
	case errors.Is(err, lenient.ErrLong):
		return out, invalid("training_file", "line %d has more than %d bytes: split it", rows.Number(), MaxTrainingRow)
	case errors.Is(err, lenient.ErrUTF16):
		return out, invalid("training_file", "%v", err)
	case !errors.Is(err, io.EOF):
		return out, fmt.Errorf("read training file: %w", err)
	case out.Rows == 0:
		return out, invalid("training_file", "the file has no rows: send JSONL, one conversation or pair a line")
	case bad > maxNamedRows:
		faults = append(faults, fmt.Sprintf("and %d more", bad-maxNamedRows))
	}
	if bad > 0 {
		return out, invalid("training_file", "%d of %d rows can not be trained on: %s", bad, out.Rows,
			strings.Join(faults, "; "))
	}
	return out, nil
}

// trainingRoles are the roles of a row's messages.
var trainingRoles = []string{"system", "developer", "user", "assistant", "tool", "function"}

// trainingTurn is a message of a row.
type trainingTurn struct {
	Role      string          `json:"role"`
	Content   json.RawMessage `json:"content"`
	ToolCalls json.RawMessage `json:"tool_calls"`
	Function  json.RawMessage `json:"function_call"`
}

// answers tells whether the message is an assistant's and says something.
func (m trainingTurn) answers() bool {
	return m.Role == "assistant" && (said(m.Content) || said(m.ToolCalls) || said(m.Function))
}

// says is what the message says, in a form that can be compared.
func (m trainingTurn) says() string {
	var content string
	if json.Unmarshal(m.Content, &content) != nil {
		content = string(m.Content)
	}
	return strings.TrimSpace(content) + "\x00" + string(m.ToolCalls) + "\x00" + string(m.Function)
}

// conversationFault says why a row can not be trained on as a conversation, or "".
func conversationFault(line []byte) string {
	var row struct {
		Messages []trainingTurn  `json:"messages"`
		Better   json.RawMessage `json:"preferred_output"`
	}
	read := json.Unmarshal(line, &row)
	switch {
	case !json.Valid(line):
		return "it is not JSON"
	case read == nil && len(row.Messages) == 0 && said(row.Better):
		return "it is a preference pair: train on it by the method dpo"
	case read != nil, len(row.Messages) == 0:
		return `it is no object with a list "messages"`
	}
	if fault := rolesFault(row.Messages); fault != "" {
		return fault
	}
	if !slices.ContainsFunc(row.Messages, trainingTurn.answers) {
		return "no assistant answers in it"
	}
	return ""
}

func rolesFault(turns []trainingTurn) string {
	for _, m := range turns {
		if !slices.Contains(trainingRoles, m.Role) {
			return fmt.Sprintf("a message has the role %.20q", m.Role)
		}
	}
	return ""
}

// pair is a row of preference training. Together takes one message in each output
// (https://docs.together.ai/docs/fine-tuning/preference-tuning), so each vendor gets one here.
type pair struct {
	Input struct {
		Messages []trainingTurn `json:"messages"`
	} `json:"input"`
	Better   []trainingTurn  `json:"preferred_output"`
	Worse    []trainingTurn  `json:"non_preferred_output"`
	Messages json.RawMessage `json:"messages"` // of a conversation
}

// pairFault says why a row can not be trained on as a preference pair, or "".
func pairFault(line []byte) string {
	var row pair
	read := json.Unmarshal(line, &row)
	switch {
	case !json.Valid(line):
		return "it is not JSON"
	case read == nil && len(row.Input.Messages) == 0 && said(row.Messages):
		return "it is a conversation: train on it by the method supervised"
	case read != nil, len(row.Input.Messages) == 0:
		return `it is no object with a list "input.messages"`
	}
	if fault := rolesFault(row.Input.Messages); fault != "" {
		return fault
	}
	return row.fault()
}

// fault says what is wrong with a pair whose input is a list of messages.
func (p pair) fault() string {
	switch {
	case p.Input.Messages[len(p.Input.Messages)-1].Role == "assistant":
		return "input.messages ends with an assistant's message"
	case len(p.Better) != 1 || !p.Better[0].answers():
		return "preferred_output is not one message of an assistant"
	case len(p.Worse) != 1 || !p.Worse[0].answers():
		return "non_preferred_output is not one message of an assistant"
	case p.Better[0].says() == p.Worse[0].says():
		return "both outputs say the same: neither is preferred"
	}
	return ""
}

// said tells whether a member is there and holds something.
func said(raw json.RawMessage) bool {
	return !slices.Contains([]string{"", "null", `""`, "[]"}, string(raw))
}

// CleanTrainingFile returns the file as a vendor is sent it: what CheckTrainingFile
// has measured. The caller closes it.
func CleanTrainingFile(file io.ReadCloser) io.ReadCloser {
	return &cleanFile{Closer: file, rows: lenient.NewRows(file, MaxTrainingRow+2)}
}

type cleanFile struct {
	io.Closer
	rows *lenient.Rows
	rest []byte // of the row that is being read
}

func (c *cleanFile) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		row, err := nextRow(c.rows)
		if errors.Is(err, io.EOF) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, fmt.Errorf("read training file: %w", err)
		}
		c.rest = append(row, '\n')
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// nextRow returns the next row that holds something, on one line: an item of an array
// may stand on several.
func nextRow(rows *lenient.Rows) ([]byte, error) {
	for {
		row, err := rows.Next()
		if err != nil {
			return nil, err
		}
		var line bytes.Buffer
		if rows.Array() && json.Compact(&line, row) == nil {
			row = line.Bytes()
		}
		if len(row) > 0 {
			return row, nil
		}
	}
}
