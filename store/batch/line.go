package batch

import (
	"context"
	"encoding/json"
	"fmt"

	"dreamlab/store/db"
)

// LineState is where a line is.
type LineState string

// The states of a line.
const (
	LineWaiting  LineState = "waiting"  // to be sent
	LineSent     LineState = "sent"     // in an order at a vendor
	LineLive     LineState = "live"     // handed to jobs that ask for it live
	LineAnswered LineState = "answered" // its answer is stored
	LineFailed   LineState = "failed"
)

// Line is one request of a batch, and what became of it.
type Line struct {
	Batch    string
	Number   int    // from 1, in the order of the file
	CustomID string // as the client calls it
	Job      string // whose step it answers; "" where a client asks
	Step     string
	Purpose  string // what its money is for
	Hash     string // of the request, where it answers a step
	Request  json.RawMessage
	Parts    []Part // the steps that it asks together, in this order; nil for its own alone
	State    LineState
	Tries    int    // how often it was in an order, or asked for live
	Entry    string // the line of spend of its latest try in an order
	Status   int    // HTTP status that a live call would have had; 0 while open
	Response json.RawMessage
}

// Part is one of the steps that a line asks together.
type Part struct {
	Step string `json:"step"`
	Hash string `json:"hash"` // of the request that it would be alone
	Size int64  `json:"size"` // of what that request says, in bytes
}

type newLine struct {
	Batch    string  `json:"x_batch"`
	Number   int     `json:"x_number"`
	CustomID string  `json:"x_custom"`
	Job      *string `json:"x_job"`
	Step     string  `json:"x_step"`
	Purpose  string  `json:"x_purpose"`
	Hash     string  `json:"x_hash"`
	Request  string  `json:"x_request"`
	Parts    *string `json:"x_parts"`
}

// AddLines stores new lines. Those that are there already stay as they are.
func (q *Queries) AddLines(ctx context.Context, lines []Line) error {
	if len(lines) == 0 {
		return nil
	}
	rows := make([]newLine, len(lines))
	for i, l := range lines {
		rows[i] = newLine{l.Batch, l.Number, l.CustomID, db.Optional(l.Job), l.Step, l.Purpose, l.Hash,
			q.Seal(string(l.Request), l.Batch, l.Number), nil}
		if len(l.Parts) > 0 {
			rows[i].Parts = new(db.Encode(l.Parts))
		}
	}
	_, err := q.Exec(ctx, `INSERT INTO batch_lines (batch, number, custom_id, job, step, purpose, hash, request, parts, state)
		SELECT x_batch, x_number, x_custom, x_job, x_step, x_purpose, x_hash, x_request, x_parts, 'waiting'
		FROM {rows $1: x_batch text, x_number bigint, x_custom text, x_job text, x_step text, x_purpose text,
			x_hash text, x_request text, x_parts text} WHERE TRUE
		ON CONFLICT DO NOTHING`, db.Encode(rows))
	return err
}

const lineColumns = `batch, number, custom_id, job, step, purpose, hash, request, parts, state, tries, entry, status,
	response`

func scanLine(scan func(...any) error) (Line, error) {
	var l Line
	var own, parts, entry, response *string
	var request string
	err := scan(&l.Batch, &l.Number, &l.CustomID, &own, &l.Step, &l.Purpose, &l.Hash,
		db.Opened(&request, &l.Batch, &l.Number), &parts, &l.State, &l.Tries, &entry, &l.Status,
		db.Opened(&response, &l.Batch, &l.Number))
	l.Job, l.Entry, l.Request, l.Response = db.Deref(own), db.Deref(entry), json.RawMessage(request), rawOf(response)
	if err != nil || parts == nil {
		return l, err
	}
	if err := json.Unmarshal([]byte(*parts), &l.Parts); err != nil {
		return l, fmt.Errorf("read the steps of line %d of %s: %w", l.Number, l.Batch, err)
	}
	return l, nil
}

// Lines returns lines of a batch that are in a state, of any with "", at most limit, after
// a number.
func (q *Queries) Lines(ctx context.Context, batch string, state LineState, after, limit int) ([]Line, error) {
	var lines []Line
	keep := func(l Line) error {
		lines = append(lines, l)
		return nil
	}
	text := `SELECT ` + lineColumns + ` FROM batch_lines WHERE batch = $1 AND number > $2`
	args := []any{batch, int64(after), int64(limit)}
	if state != "" {
		text += ` AND state = $4`
		args = append(args, string(state))
	}
	return lines, db.Stream(ctx, q.Tx, scanLine, keep, text+` ORDER BY number LIMIT $3`, args...)
}

// SentLines returns those of some lines that are in an order.
func (q *Queries) SentLines(ctx context.Context, batch string, numbers []int) ([]Line, error) {
	return q.numbered(ctx, batch, LineSent, numbers)
}

// LiveLines returns those of some lines that are asked for live.
func (q *Queries) LiveLines(ctx context.Context, batch string, numbers []int) ([]Line, error) {
	return q.numbered(ctx, batch, LineLive, numbers)
}

func (q *Queries) numbered(ctx context.Context, batch string, state LineState, numbers []int) ([]Line, error) {
	type row struct {
		Number int `json:"x_number"`
	}
	rows := make([]row, len(numbers))
	for i, n := range numbers {
		rows[i] = row{n}
	}
	var lines []Line
	err := db.Stream(ctx, q.Tx, scanLine, func(l Line) error {
		lines = append(lines, l)
		return nil
	}, `SELECT `+lineColumns+` FROM batch_lines JOIN {rows $2: x_number bigint} ON number = x_number
		WHERE batch = $1 AND state = $3 ORDER BY number`, batch, db.Encode(rows), string(state))
	return lines, err
}

// LineCounts counts a batch's lines by state.
func (q *Queries) LineCounts(ctx context.Context, batch string) (map[LineState]int, error) {
	counts := map[LineState]int{}
	err := q.Each(ctx, `SELECT state, count(*) FROM batch_lines WHERE batch = $1 GROUP BY state`, []any{batch},
		func(rows db.Rows) error {
			var state LineState
			var n int
			err := rows.Scan(&state, &n)
			counts[state] = n
			return err
		})
	return counts, err
}

type lineMove struct {
	Batch    string  `json:"x_batch"`
	Number   int     `json:"x_number"`
	State    string  `json:"x_state"`
	Tries    int     `json:"x_tries"`
	Entry    *string `json:"x_entry"`
	Status   int     `json:"x_status"`
	Response *string `json:"x_response"`
}

// MoveLines stores what became of lines that are in a state. It fails with ErrConflict
// where one of them is in another: somebody else has moved it.
func (q *Queries) MoveLines(ctx context.Context, from LineState, lines []Line) error {
	if len(lines) == 0 {
		return nil
	}
	rows := make([]lineMove, len(lines))
	for i, l := range lines {
		rows[i] = lineMove{l.Batch, l.Number, string(l.State), l.Tries, db.Optional(l.Entry), l.Status,
			q.SealOptional(string(l.Response), l.Batch, l.Number)}
	}
	n, err := q.Exec(ctx, `UPDATE batch_lines SET state = x_state, tries = x_tries, entry = x_entry, status = x_status,
		response = x_response FROM {rows $1: x_batch text, x_number bigint, x_state text, x_tries bigint, x_entry text,
			x_status bigint, x_response text}
		WHERE batch = x_batch AND number = x_number AND state = $2`, db.Encode(rows), string(from))
	if err == nil && n != int64(len(lines)) {
		err = db.ErrConflict
	}
	return err
}

// DropLines deletes the lines of a batch whose answers are kept elsewhere.
func (q *Queries) DropLines(ctx context.Context, batch string) error {
	_, err := q.Exec(ctx, `DELETE FROM batch_lines WHERE batch = $1`, batch)
	return err
}

// StepsOrdered returns the steps of a job that were lines of its batches, and those that lines have asked together
// with others.
func (q *Queries) StepsOrdered(ctx context.Context, own string) (alone, shared map[string]bool, err error) {
	alone, shared = map[string]bool{}, map[string]bool{}
	scan := func(scan func(...any) error) (l Line, err error) {
		var parts *string
		if err = scan(&l.Step, &parts); err == nil && parts != nil {
			err = json.Unmarshal([]byte(*parts), &l.Parts)
		}
		return l, err
	}
	err = db.Stream(ctx, q.Tx, scan, func(l Line) error {
		for _, part := range l.Parts {
			shared[part.Step] = true
		}
		if len(l.Parts) == 0 {
			alone[l.Step] = true
		}
		return nil
	}, `SELECT step, parts FROM batch_lines WHERE job = $1`, own)
	return alone, shared, err
}

// DropSteps deletes the lines of a job's batches, once it has what it needs of them.
func (q *Queries) DropSteps(ctx context.Context, own string) error {
	_, err := q.Exec(ctx, `DELETE FROM batch_lines WHERE job = $1`, own)
	return err
}
