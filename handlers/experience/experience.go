// Package experience is the room of what comes in by the file: it reads the
// conversations of an import, row by row, and keeps the good ones.
//
// Experiences of live chats are kept by package chat; what is learned from
// either is package dream's.
package experience

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/tasks"
	"dreamlab/tasks/lenient"
)

// A batch is stored in one transaction.
const (
	batchLines = 500
	batchBytes = 8 << 20
)

// errLong is the reason of a line that is too long.
var errLong = fmt.Errorf("longer than %d bytes: split the conversation", tasks.MaxLine)

// maxRejected is how many rejected lines are listed.
const maxRejected = 100

// Import returns the handler of experience.import. A line that can not be used
// is listed in the result, and the others are still imported. Batches are stored with the
// numbers of their lines, so that an import which starts again goes on.
func Import(bucket blob.Bucket) tasks.Handler {
	return func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
		var in tasks.ImportInput
		if err := run.Decode(&in); err != nil {
			return nil, err
		}
		object, err := bucket.Open(ctx, in.Object)
		if errors.Is(err, db.ErrNotFound) {
			return nil, tasks.Fail("not_found", "the uploaded lines are gone: upload them again")
		}
		if err != nil {
			return nil, fmt.Errorf("open import: %w", err)
		}
		result, err := (&importer{run: run, rows: lenient.NewRows(object, tasks.MaxLine)}).all(ctx)
		err = errors.Join(err, object.Close())
		if errors.Is(err, lenient.ErrUTF16) {
			return nil, tasks.Fail("invalid_request", "%v", lenient.ErrUTF16)
		}
		if err != nil {
			return nil, fmt.Errorf("import %s: %w", in.Object, err)
		}
		// The rows hold everything now: the uploaded file is not kept beside them.
		drop := func(ctx context.Context) error { return bucket.Delete(ctx, in.Object) }
		return &tasks.End{Result: encode(result), Then: drop}, nil
	}
}

type importer struct {
	run  *tasks.Run
	rows *lenient.Rows
}

// batch counts what some lines led to. Stored as an effect it marks them as done.
type batch struct {
	Last  int64              `json:"last"` // its last line
	Ended bool               `json:"ended,omitempty"`
	Tally tasks.ImportResult `json:"tally"`
}

func (im *importer) all(ctx context.Context) (tasks.ImportResult, error) {
	sum := tasks.ImportResult{Rejected: []tasks.Rejected{}}
	for {
		if cause := context.Cause(ctx); cause != nil {
			return sum, cause
		}
		done, err := im.next(ctx)
		if err != nil {
			return sum, err
		}
		add(&sum, done.Tally)
		if done.Ended {
			return sum, nil
		}
	}
}

// next takes the batch that starts at the next line, unless an earlier attempt has.
func (im *importer) next(ctx context.Context) (batch, error) {
	step := fmt.Sprintf("lines/%d", im.rows.Number()+1)
	known, err := im.run.Store.Effect(ctx, im.run.Job.ID, step)
	if err == nil {
		return im.skip(known)
	}
	if !errors.Is(err, db.ErrNotFound) {
		return batch{}, fmt.Errorf("look for progress: %w", err)
	}
	rows, done, err := im.read()
	if err != nil {
		return done, err
	}
	stored := done
	err = im.run.Tx(ctx, db.Synced, func(q *store.Queries) error {
		stored = done // the transaction may be tried again
		return im.keep(ctx, q, rows, step, &stored)
	})
	return stored, err
}

func (im *importer) skip(known book.Effect) (batch, error) {
	var done batch
	if err := json.Unmarshal(known.Response, &done); err != nil {
		return done, fmt.Errorf("read progress %s: %w", known.Step, err)
	}
	for im.rows.Number() < done.Last {
		if _, err := im.rows.Next(); err != nil && !errors.Is(err, lenient.ErrLong) {
			return done, fmt.Errorf("skip lines that are done: %w", err)
		}
	}
	return done, nil
}

// read parses the lines of one batch.
func (im *importer) read() ([]learn.Experience, batch, error) {
	var rows []learn.Experience
	var done batch
	for n, size := 0, 0; n < batchLines && size < batchBytes; n++ {
		line, err := im.rows.Next()
		if errors.Is(err, io.EOF) {
			done.Ended = true
			break
		}
		if err != nil && !errors.Is(err, lenient.ErrLong) {
			return nil, done, fmt.Errorf("read line %d: %w", im.rows.Number()+1, err)
		}
		if len(line) == 0 && err == nil {
			continue // an empty line says nothing
		}
		turns, err := im.parse(line, err, &done.Tally)
		if err != nil {
			reject(&done.Tally, im.rows.Number(), err)
			continue
		}
		for _, turn := range turns {
			size += len(turn.Prompt) + len(turn.Answer)
		}
		rows = append(rows, turns...)
	}
	done.Last = im.rows.Number()
	return rows, done, nil
}

// parse reads a line, and counts in the tally what is dropped of it.
func (im *importer) parse(line []byte, err error, tally *tasks.ImportResult) ([]learn.Experience, error) {
	if err != nil {
		return nil, errLong
	}
	c, err := tasks.ParseConversation(line)
	if err != nil {
		return nil, err
	}
	rows, dropped := experiences(im.run.Job.Tenant, c)
	for i := range rows {
		rows[i].Job = im.run.Job.ID
		rows[i].Seal()
	}
	tally.Dropped += c.Dropped
	tally.DroppedTurns += dropped
	return rows, nil
}

// experiences makes one of each turn. The turns of a conversation without an id are of one
// thread, since together they teach models or examine them.
func experiences(tenant string, c *tasks.ConversationLine) (rows []learn.Experience, dropped int64) {
	turns, dropped := c.Turns()
	thread := ""
	if c.ConversationID == "" && len(turns) > 1 {
		thread = threadOf(tenant, turns[len(turns)-1], c.Metadata)
	}
	for _, t := range turns {
		e := learn.Experience{
			Tenant: tenant, External: c.ConversationID, Thread: thread, Alias: cmp.Or(c.Alias, learn.DefaultAlias),
			Origin: learn.OriginImport,
			Prompt: t.Prompt, Answer: t.Answer, Metadata: c.Metadata,
		}
		if t.Last {
			judge(&e, c)
		}
		rows = append(rows, e)
	}
	return rows, dropped
}

// threadOf names the conversation that ends with a turn: by its beginning, or else by all of it.
func threadOf(tenant string, last tasks.Turn, metadata json.RawMessage) string {
	thread := learn.ThreadID(learn.Experience{Tenant: tenant, Prompt: last.Prompt, Answer: last.Answer, Metadata: metadata})
	if thread != "" {
		return thread
	}
	sum := sha256.Sum256(slices.Concat([]byte(tenant+"\n"), last.Prompt, last.Answer))
	return "conv_" + hex.EncodeToString(sum[:16])
}

// judge adds what the row says of its last answer.
func judge(e *learn.Experience, c *tasks.ConversationLine) {
	e.Origin, e.Finish, e.Reference = cmp.Or(c.Origin, learn.OriginImport), c.Finish, c.Reference
	f := c.Feedback
	if f == nil {
		return
	}
	e.Comment, e.Correction = f.Comment, f.Correction
	if f.Rating != nil {
		e.Rating = new(int64(*f.Rating))
	}
}

// keep stores the rows and the mark that they are done.
func (im *importer) keep(
	ctx context.Context, q *store.Queries, rows []learn.Experience, step string, b *batch,
) error {
	added, err := q.AddExperiences(ctx, rows)
	if err != nil {
		return fmt.Errorf("keep experiences: %w", err)
	}
	for i, fresh := range added {
		if fresh {
			b.Tally.Accepted++
			continue
		}
		b.Tally.Duplicates++
		merged, err := q.MergeJudgement(ctx, rows[i])
		if err != nil {
			return fmt.Errorf("add to what is known: %w", err)
		}
		if merged {
			b.Tally.Merged++
		}
	}
	return q.AddEffect(ctx, book.Effect{
		Job: im.run.Job.ID, Step: step, Epoch: im.run.Job.Epoch, RequestHash: step, Response: encode(b),
	})
}

func reject(r *tasks.ImportResult, line int64, err error) {
	if len(r.Rejected) == maxRejected {
		r.More++
		return
	}
	r.Rejected = append(r.Rejected, tasks.Rejected{Line: line, Reason: err.Error()})
}

func add(sum *tasks.ImportResult, b tasks.ImportResult) {
	sum.Accepted += b.Accepted
	sum.Duplicates += b.Duplicates
	sum.Dropped += b.Dropped
	sum.DroppedTurns += b.DroppedTurns
	sum.Merged += b.Merged
	sum.More += b.More
	free := maxRejected - len(sum.Rejected)
	listed := b.Rejected[:min(free, len(b.Rejected))]
	sum.Rejected = append(sum.Rejected, listed...)
	sum.More += int64(len(b.Rejected) - len(listed))
}

func encode(v any) json.RawMessage {
	out, err := json.Marshal(v)
	if err != nil { // our own structs
		panic(err)
	}
	return out
}
