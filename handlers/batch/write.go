package batch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"dreamlab/store"
	"dreamlab/store/batch"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// writer ends a batch.
type writer struct{ *batchRun }

// write writes the files of answers and of what failed, and ends the batch. The files' ids
// are kept before they are written: what an earlier attempt has written is found again.
func (b writer) write(ctx context.Context) (*tasks.End, error) {
	counts, err := b.count(ctx)
	if err != nil {
		return nil, err
	}
	if b.spec.Output == "" {
		b.spec.Output, b.spec.Errors = db.NewID("file-"), db.NewID("file-")
		b.row.Status = batch.Finalizing
		if _, err := b.next(ctx, batch.PhaseWrite); err != nil {
			return nil, err
		}
	}
	b.row.Status = b.ending(counts)
	good, err := b.writeFile(ctx, b.spec.Output, "output", counts[batch.LineAnswered], answerLine)
	if err != nil {
		return nil, err
	}
	bad, err := b.writeFile(ctx, b.spec.Errors, "error", b.row.Total-counts[batch.LineAnswered], b.errorLine)
	if err != nil {
		return nil, err
	}
	b.row.Output, b.row.Errors = good.ID, bad.ID
	return &tasks.End{Result: b.result(), Write: func(ctx context.Context, q *store.Queries) error {
		for _, f := range []learn.File{good, bad} {
			if f.ID == "" {
				continue
			}
			if _, err := q.AddFile(ctx, f); err != nil {
				return fmt.Errorf("keep a file of answers: %w", err)
			}
		}
		if err := q.DropLines(ctx, b.row.ID); err != nil {
			return err
		}
		return b.save(ctx, q)
	}}, nil
}

// count takes the counts of the lines into the row.
func (b writer) count(ctx context.Context) (map[batch.LineState]int, error) {
	counts, err := b.run.Store.LineCounts(ctx, b.row.ID)
	if err != nil {
		return nil, fmt.Errorf("count the lines: %w", err)
	}
	b.row.Completed, b.row.Failed = counts[batch.LineAnswered], counts[batch.LineFailed]
	return counts, nil
}

// ending is how the batch ends.
func (b writer) ending(counts map[batch.LineState]int) string {
	switch {
	case counts[batch.LineAnswered]+counts[batch.LineFailed] == b.row.Total:
		return batch.Completed
	case b.cancelling():
		return batch.Cancelled
	}
	return batch.Expired
}

// finishOwn ends a batch whose answers a job of ours waits for: they are its steps' answers
// by now, and it asks for what is left itself. It drops the lines when it has ended.
func (b writer) finishOwn(ctx context.Context) (*tasks.End, error) {
	counts, err := b.count(ctx)
	if err != nil {
		return nil, err
	}
	b.row.Status = b.ending(counts)
	return &tasks.End{Result: b.result(), Write: b.save}, nil
}

// dress makes a line of a file, nil where the file does not hold it.
type dress func(batch.Line) any

// answerLine is OpenAI's line of an answer
// (https://platform.openai.com/docs/api-reference/batch/request-output).
func answerLine(l batch.Line) any {
	if l.State != batch.LineAnswered {
		return nil
	}
	return responseLine(l)
}

func responseLine(l batch.Line) any {
	id := fmt.Sprintf("%s-%d", l.Batch, l.Number)
	return map[string]any{
		"id": "batch_req_" + id, "custom_id": l.CustomID, "error": nil,
		"response": map[string]any{"status_code": l.Status, "request_id": id, "body": l.Response},
	}
}

// errorLine is OpenAI's line of a request that failed, or whose turn never came.
func (b writer) errorLine(l batch.Line) any {
	switch l.State {
	case batch.LineAnswered:
		return nil
	case batch.LineFailed:
		return responseLine(l)
	}
	code, message := "batch_expired", "This request could not be executed before the completion window expired."
	if b.cancelling() {
		code, message = "batch_cancelled", "This request was not executed before the batch was cancelled."
	}
	return map[string]any{
		"id": fmt.Sprintf("batch_req_%s-%d", l.Batch, l.Number), "custom_id": l.CustomID, "response": nil,
		"error": map[string]any{"code": code, "message": message},
	}
}

// writeFile writes one of the files, which holds so many lines; one of none is not written.
func (b writer) writeFile(ctx context.Context, id, kind string, holds int, as dress) (learn.File, error) {
	if holds == 0 {
		return learn.File{}, nil
	}
	f := learn.File{
		ID: id, Tenant: b.row.Tenant, Filename: b.row.ID + "_" + kind + ".jsonl", Purpose: "batch_output",
		Object: blob.FileObject(id),
	}
	sum := sha256.New()
	size, err := io.Copy(sum, b.content(ctx, as))
	if err != nil {
		return f, fmt.Errorf("read the answers: %w", err)
	}
	f.Bytes, f.SHA256 = size, hex.EncodeToString(sum.Sum(nil))
	err = b.Bucket.Create(ctx, f.Object, b.content(ctx, as))
	if err != nil && !errors.Is(err, blob.ErrExists) {
		return f, fmt.Errorf("write a file of answers: %w", err)
	}
	return f, nil
}

func (b writer) content(ctx context.Context, as dress) io.Reader {
	return &fileReader{ctx: ctx, batch: b.batchRun, dress: as}
}

// fileReader reads the lines of a batch as a file, a page at a time.
type fileReader struct {
	ctx    context.Context //nolint:containedctx // a reader has no other way to be given one
	batch  *batchRun
	dress  dress
	after  int
	buffer bytes.Buffer
	ended  bool
}

// Read fills p with the next lines.
func (r *fileReader) Read(p []byte) (int, error) {
	for r.buffer.Len() == 0 && !r.ended {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	if r.buffer.Len() == 0 {
		return 0, io.EOF
	}
	return r.buffer.Read(p)
}

func (r *fileReader) fill() error {
	some, err := r.batch.run.Store.Lines(r.ctx, r.batch.row.ID, "", r.after, page)
	if err != nil {
		return fmt.Errorf("read the lines: %w", err)
	}
	for _, l := range some {
		r.after = l.Number
		if line := r.dress(l); line != nil {
			r.buffer.Write(plainjson.Of(line))
			r.buffer.WriteByte('\n')
		}
	}
	r.ended = len(some) < page
	return nil
}
