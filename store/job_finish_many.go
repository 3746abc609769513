package store

import "context"

// plainEnd is the end of an attempt that needs nothing but its own row.
type plainEnd struct {
	ID     string  `json:"x_id"`
	Epoch  int64   `json:"x_epoch"`
	Worker string  `json:"x_worker"`
	Result *string `json:"x_result"`
}

// Plain tells whether FinishPlain may be asked for this end.
func (f Finish) Plain() bool {
	return f.To == JobSucceeded && f.Outcome == string(JobSucceeded) && f.Parent == "" &&
		f.Write == nil && len(f.Children) == 0
}

// FinishPlain ends many attempts that succeeded, in one statement. It passes over those whose job is not held any more, and those whose
// job has something hanging on it (a parent, a noun, somebody to tell): they
// are for FinishJob. What it did end is answered, in no order.
func (q *Queries) FinishPlain(ctx context.Context, all []Finish) ([]Moved, error) {
	rows := make([]plainEnd, len(all))
	for i, f := range all {
		rows[i] = plainEnd{f.Job, f.Epoch, f.Worker, optional(string(f.Result))}
	}
	return q.moved(ctx, move{
		To:   JobSucceeded,
		Set:  `, result = x_result, error_code = NULL, error_message = NULL, due = FALSE, finished = {now}` + delivered,
		From: `{rows $1: x_id text, x_epoch bigint, x_worker text, x_result text}`,
		Where: `id = x_id AND epoch = x_epoch AND (x_worker = '' OR lease_owner = x_worker)
			AND parent IS NULL AND subject IS NULL AND webhook_url IS NULL AND open_children = 0`,
		Returning: `id, lane`,
	}, encode(rows))
}
