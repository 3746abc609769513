package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"dreamlab/cmd/internal/cli/show"
	"dreamlab/cmd/internal/client"
)

// unasked is the error of a file whose turns were not all sent.
type unasked struct {
	turns int
	row   int64
	cause error
}

// Error says how many were sent.
func (u *unasked) Error() string {
	return fmt.Sprintf("%s asked, then row %d: %v; what was answered is not asked again within a day when the "+
		"same file is imported", plural(int64(u.turns), "turn"), u.row, u.cause)
}

// Unwrap returns the cause.
func (u *unasked) Unwrap() error { return u.cause }

// askAll sends the turns of each row to the model, one after the other, each with the previous
// messages. Rows without turns are named and left out.
func (i *importer) askAll(ctx context.Context, first row, rows *rows, done *imported) error {
	for r, err := first, error(nil); ; r, err = rows.next() {
		switch {
		case errors.Is(err, io.EOF):
			done.Rejected = append(done.Rejected, rows.rejected...)
			return nil
		case err != nil:
			return &unasked{done.Asked, r.number, err}
		case len(r.text) == 0:
			continue
		case !r.asks():
			done.Rejected = append(done.Rejected, client.Rejected{
				Line: r.number, Reason: "it has no turns, as the first row has: keep such rows in a file of their own",
			})
			continue
		}
		if err := i.ask(ctx, r, done); err != nil {
			return &unasked{done.Asked, r.number, err}
		}
	}
}

func (i *importer) ask(ctx context.Context, r row, done *imported) error {
	request := client.ChatRequest{Model: i.Model}
	if id := strings.Trim(string(r.ID), `"`); id != "" {
		request.Metadata = map[string]string{"conversation_id": "question-" + id}
	}
	for n, turn := range r.Turns {
		request.Messages = append(request.Messages, client.Message{Role: "user", Content: turn})
		request.Once = onceFor(i.Model, r, n)
		answer, err := i.client.Chat(ctx, request)
		if err != nil {
			return err
		}
		done.Asked++
		i.progress.Show(show.Step{Stage: "ask", Done: done.Asked, Noun: "turns"})
		request.Messages = append(request.Messages, client.Message{Role: "assistant", Content: answer.Text})
	}
	return nil
}

// onceFor is the idempotency key of a turn. It is computed from the request and its position in
// the file, so that importing a file again returns the stored answers.
func onceFor(model string, r row, turn int) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %d %d\n%s", model, r.number, turn, r.text)
	return "turn-" + hex.EncodeToString(sum.Sum(nil))
}
