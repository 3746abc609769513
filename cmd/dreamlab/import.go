package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"dreamlab/cmd/internal/client"
)

// longestLine bounds a row, in bytes.
const longestLine = 16 << 20

// imported is what became of one file.
type imported struct {
	File   string               `json:"file"`
	Job    string               `json:"job,omitempty"`
	Status string               `json:"status,omitempty"`
	Result *client.ImportResult `json:"result,omitempty"`
	Asked  int                  `json:"asked,omitempty"` // turns that were put to the assistant
}

func importVerb() verb {
	return verb{
		name: "import", args: "FILE…", help: "bring conversations in, or ask what a file of questions holds",
		make: func(flags *flag.FlagSet) action {
			var a asking
			a.declareWait(flags)
			model := flags.String("model", "assistant", "the alias or the `MODEL` that turns are put to")
			return func(ctx context.Context, sh shell, args []string) error {
				if len(args) == 0 {
					return misuse("name the files to import")
				}
				c, err := a.open(sh)
				if err != nil {
					return err
				}
				defer c.Close()
				return (&importer{asking: a, sh: sh, client: c, model: *model}).files(ctx, args)
			}
		},
	}
}

type importer struct {
	asking
	sh     shell
	client *client.Client
	model  string
}

func (i *importer) files(ctx context.Context, names []string) error {
	all := []imported{}
	for _, name := range names {
		done, err := i.file(ctx, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, done)
		if !i.json {
			i.tell(done)
		}
	}
	if i.json {
		return json.NewEncoder(i.sh.out).Encode(map[string]any{"files": all})
	}
	return nil
}

func (i *importer) tell(done imported) {
	switch {
	case done.Asked > 0:
		fmt.Fprintf(i.sh.out, "%s: %d turns asked\n", done.File, done.Asked)
	case done.Result == nil:
		fmt.Fprintf(i.sh.out, "%s: %s\n", done.File, done.Job)
	default:
		fmt.Fprintf(i.sh.out, "%s: %d accepted, %d known already, %d rejected\n", done.File,
			done.Result.Accepted, done.Result.Duplicates, int64(len(done.Result.Rejected))+done.Result.More)
		for _, r := range done.Result.Rejected {
			fmt.Fprintf(i.sh.errs, "  line %d: %s\n", r.Line, r.Reason)
		}
	}
}

// file takes one file in: its first row says of which kind all its rows are.
func (i *importer) file(ctx context.Context, name string) (imported, error) {
	done := imported{File: name}
	file, err := os.Open(name)
	if err != nil {
		return done, err
	}
	rows := newRows(file)
	first, err := rows.next()
	switch {
	case errors.Is(err, io.EOF):
		err = errors.New("it holds no row: give one JSON object a line")
	case err == nil && first.kind() == asksTurns:
		done.Asked, err = i.askAll(ctx, first, rows)
	case err == nil:
		err = i.send(ctx, first, rows, &done)
	}
	return done, errors.Join(err, file.Close())
}

// send streams the rows to the API while they are read.
func (i *importer) send(ctx context.Context, first row, rows *rows, done *imported) error {
	reader, writer := io.Pipe()
	copied := make(chan error, 1)
	go func() {
		err := convertAll(writer, first, rows)
		copied <- errors.Join(err, writer.CloseWithError(err))
	}()
	job, err := i.client.Import(ctx, reader)
	if err := errors.Join(err, reader.Close()); err != nil {
		if fault := <-copied; fault != nil && !errors.Is(fault, io.ErrClosedPipe) {
			return fault // why the request broke off
		}
		return err
	}
	if err := <-copied; err != nil {
		return err
	}
	done.Job, done.Status = job.ID, job.Status
	if !i.wait {
		return nil
	}
	if job, err = i.client.WatchJob(ctx, job.ID, func(client.Job) {}); err != nil {
		return err
	}
	if err := unsuccessful(job.ID, job.Status, job.Error); err != nil {
		return err
	}
	result, err := job.Imported()
	done.Status, done.Result = job.Status, &result
	return err
}

func convertAll(out io.Writer, first row, rows *rows) error {
	buffered := bufio.NewWriter(out)
	encoder := json.NewEncoder(buffered)
	for r, err := first, error(nil); ; r, err = rows.next() {
		if errors.Is(err, io.EOF) {
			return buffered.Flush()
		}
		if err != nil {
			return err
		}
		line, err := r.conversation()
		if err != nil {
			return fmt.Errorf("line %d: %w", rows.line, err)
		}
		if err := encoder.Encode(line); err != nil {
			return err
		}
	}
}

// askAll puts the turns of each row to the assistant, one after the other, each
// with what was said before.
func (i *importer) askAll(ctx context.Context, first row, rows *rows) (asked int, err error) {
	for r, err := first, error(nil); ; r, err = rows.next() {
		if errors.Is(err, io.EOF) {
			return asked, nil
		}
		if err != nil {
			return asked, err
		}
		if r.kind() != asksTurns {
			return asked, fmt.Errorf("line %d: it has no turns, as the first row has: "+
				"keep such rows in a file of their own", rows.line)
		}
		n, err := i.ask(ctx, r)
		asked += n
		if err != nil {
			return asked, fmt.Errorf("line %d: %w", rows.line, err)
		}
	}
}

func (i *importer) ask(ctx context.Context, r row) (asked int, err error) {
	request := client.ChatRequest{Model: i.model}
	if id := strings.Trim(string(r.ID), `"`); id != "" {
		request.Metadata = map[string]string{"conversation_id": "question-" + id}
	}
	for _, turn := range r.Turns {
		request.Messages = append(request.Messages, client.Message{Role: "user", Content: turn})
		answer, err := i.client.Chat(ctx, request)
		if err != nil {
			return asked, err
		}
		asked++
		request.Messages = append(request.Messages, client.Message{Role: "assistant", Content: answer.Text})
	}
	return asked, nil
}
