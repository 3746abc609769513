package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"dreamlab/cmd/internal/cli/show"
	"dreamlab/cmd/internal/client"
)

// imported is the result of one file.
type imported struct {
	File   string               `json:"file"`
	Job    string               `json:"job,omitempty"`
	Status string               `json:"status,omitempty"`
	Result *client.ImportResult `json:"result,omitempty"`
	Asked  int                  `json:"asked,omitempty"` // turns that were sent to the model
	// Rejected are the rows that were not sent.
	Rejected []client.Rejected `json:"rejected,omitempty"`
}

// rejects counts the rows of the file that were not accepted.
func (i imported) rejects() int64 {
	if i.Result == nil {
		return int64(len(i.Rejected))
	}
	return int64(len(i.Result.Rejected)) + i.Result.More
}

// importVerb brings files in.
type importVerb struct {
	asking
	waiting
	Model string   `default:"assistant" placeholder:"MODEL" help:"the alias or the MODEL that turns are put to"`
	Files []string `arg:"" name:"file" help:"the files to import"`
}

// Help tells what files may hold.
func (*importVerb) Help() string {
	return `A FILE holds JSON objects, one a line or in an array; - is the standard input:
conversations ("messages" and more, as POST /v1/experiences takes them, or as
GET /v1/experiences and a dataset's content give them out), rows of ChatGPT's
conversations.json, ShareGPT, Alpaca, LMSYS-Chat-1M, WildChat, prompts with completions,
OpenAI's preference pairs (their better answers) and logs of requests with their
responses, rows with "question" and "answer", whose "#### n" is the reference, or, in
a file of their own, rows with "turns", which are asked and not paid again when the
file is imported twice in a day.
A row that can not be taken is named and loses no other. It ends with 1 where any was.`
}

// Run imports the files, one after the other.
func (v *importVerb) Run(ctx context.Context, sh shell) error {
	if err := v.check(); err != nil {
		return err
	}
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	i := &importer{importVerb: v, sh: sh, client: c, progress: &show.Progress{}}
	if v.Wait || sh.live {
		i.progress = sh.progress()
	}
	return i.files(ctx, v.Files)
}

// importer imports files for one run of the verb.
type importer struct {
	*importVerb
	sh       shell
	client   *client.Client
	progress *show.Progress
}

func (i *importer) files(ctx context.Context, names []string) error {
	all, rejected := []imported{}, int64(0)
	for _, name := range names {
		done, err := i.file(ctx, name)
		i.progress.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, done)
		rejected += done.rejects()
		if !i.asJSON() {
			i.tell(done)
		}
	}
	if i.asJSON() {
		if err := json.NewEncoder(i.sh.out).Encode(map[string]any{"files": all}); err != nil {
			return err
		}
	}
	if rejected > 0 {
		return fmt.Errorf("%s rejected", plural(rejected, "row"))
	}
	return nil
}

func (i *importer) tell(done imported) {
	rejected := done.Rejected
	switch {
	case done.Job == "":
		fmt.Fprintf(i.sh.out, "%s: %s asked, %d rejected\n", done.File, plural(int64(done.Asked), "turn"), done.rejects())
	case done.Result == nil:
		fmt.Fprintf(i.sh.out, "%s: %s imports it: GET /v1/jobs/%s shows the result, and so does --wait\n",
			done.File, done.Job, done.Job)
	default:
		rejected = done.Result.Rejected
		fmt.Fprintf(i.sh.out, "%s: %d accepted, %d known already, %d rejected%s\n", done.File,
			done.Result.Accepted, done.Result.Duplicates, done.rejects(), droppedOf(done.Result))
	}
	for _, r := range rejected {
		fmt.Fprintf(i.sh.errs, "  line %d: %s\n", r.Line, r.Reason)
	}
	if done.Result != nil && done.Result.More > 0 {
		fmt.Fprintf(i.sh.errs, "  and %d more\n", done.Result.More)
	}
}

// droppedOf says what an import left out of the rows that it took.
func droppedOf(r *client.ImportResult) string {
	text := ""
	if r.Dropped > 0 {
		text += fmt.Sprintf(" (%s without meaning here left out)", plural(r.Dropped, "field"))
	}
	if r.DroppedTurns > 0 {
		text += fmt.Sprintf(" (%s of too long conversations left out)", plural(r.DroppedTurns, "oldest turn"))
	}
	return text
}

// file imports one file.
func (i *importer) file(ctx context.Context, name string) (imported, error) {
	done := imported{File: name}
	if name == "-" {
		err := i.rows(ctx, newRows(i.sh.in), &done)
		return done, err
	}
	file, err := os.Open(name)
	if err != nil {
		return done, err
	}
	err = i.rows(ctx, newRows(file), &done)
	return done, errors.Join(err, file.Close())
}

// rows imports the rows of a file. The first row determines the kind of all.
func (i *importer) rows(ctx context.Context, rows *rows, done *imported) error {
	first, err := rows.first()
	switch {
	case errors.Is(err, io.EOF) && len(rows.rejected) == 0:
		return errors.New("it holds no row: give one JSON object a line")
	case errors.Is(err, io.EOF):
		done.Rejected = rows.rejected
		return nil
	case err != nil:
		return err
	case first.asks():
		return i.askAll(ctx, first, rows, done)
	}
	return i.send(ctx, first, rows, done)
}

// send streams the rows to the API while they are read.
func (i *importer) send(ctx context.Context, first row, rows *rows, done *imported) error {
	reader, writer := io.Pipe()
	copied := make(chan error, 1)
	go func() {
		err := writeLines(writer, first, rows, func(sent int) {
			i.progress.Show(show.Step{Stage: "send", Done: sent, Noun: "rows"})
		})
		copied <- errors.Join(err, writer.CloseWithError(err))
	}()
	job, err := i.client.Import(ctx, reader)
	if err := errors.Join(err, reader.Close()); err != nil {
		if fault := <-copied; fault != nil && !errors.Is(fault, io.ErrClosedPipe) {
			return fault // the reason why the request failed
		}
		return err
	}
	if err := <-copied; err != nil {
		return err
	}
	done.Job, done.Status, done.Rejected = job.ID, job.Status, rows.rejected
	if !i.Wait {
		return nil
	}
	job, err = await(ctx, i.waiting, job.ID, "/v1/jobs/", func(ctx context.Context) (client.Job, error) {
		return i.client.WatchJob(ctx, job.ID, func(j client.Job) { i.progress.Show(show.Step{Stage: j.Status}) })
	})
	if err != nil {
		return err
	}
	if err := unsuccessful(job.ID, job.Status, job.Error); err != nil {
		return err
	}
	return done.finish(job)
}

// finish stores the job's result, and adds the rows that were not sent.
func (i *imported) finish(job client.Job) error {
	result, err := job.Imported()
	result.Rejected = append(result.Rejected, i.Rejected...)
	slices.SortStableFunc(result.Rejected, func(a, b client.Rejected) int { return cmp.Compare(a.Line, b.Line) })
	i.Status, i.Result, i.Rejected = job.Status, &result, nil
	return err
}

// writeLines writes one line for each row, so that the API's line numbers are the file's, and tells how
// many there are so far.
func writeLines(out io.Writer, first row, rows *rows, tell func(written int)) error {
	buffered := bufio.NewWriter(out)
	for range first.number - 1 { // empty lines for the skipped rows
		if err := buffered.WriteByte('\n'); err != nil {
			return err
		}
	}
	written := 0
	for r, err := first, error(nil); ; r, err = rows.next() {
		if errors.Is(err, io.EOF) {
			return buffered.Flush()
		}
		if err != nil {
			return err
		}
		line, err := r.line()
		if err != nil {
			return err
		}
		if _, err := buffered.Write(append(line, '\n')); err != nil {
			return err
		}
		written++
		tell(written)
	}
}
