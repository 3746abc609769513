package show

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/itchyny/gojq"
)

// Query is an expression of jq (https://jqlang.org/manual). Its zero value is none.
type Query struct{ code *gojq.Code }

// UnmarshalText reads an expression.
func (q *Query) UnmarshalText(text []byte) error {
	read, err := gojq.Parse(string(text))
	if err != nil {
		return fmt.Errorf("read the jq expression: %w", err)
	}
	if q.code, err = gojq.Compile(read); err != nil {
		return fmt.Errorf("compile the jq expression: %w", err)
	}
	return nil
}

// Given tells whether there is an expression.
func (q Query) Given() bool { return q.code != nil }

// Filter returns a writer that takes JSON values and writes what the expression makes of each: texts
// as they are, anything else as JSON, one a line. Closing it waits for the last value. After an error,
// which closing returns too, it takes no more.
func (q Query) Filter(ctx context.Context, to io.Writer) io.WriteCloser {
	from, into := io.Pipe()
	f := &filter{PipeWriter: into, ended: make(chan error, 1)}
	go func() {
		err := q.answerAll(ctx, json.NewDecoder(from), to)
		from.CloseWithError(err)
		f.ended <- err
	}()
	return f
}

type filter struct {
	*io.PipeWriter
	ended chan error
}

// Close ends the values.
func (f *filter) Close() error {
	if err := f.PipeWriter.Close(); err != nil {
		return err
	}
	return <-f.ended
}

func (q Query) answerAll(ctx context.Context, values *json.Decoder, to io.Writer) error {
	values.UseNumber() // amounts stay as they are
	for {
		var value any
		err := values.Decode(&value)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read what the jq expression is asked of: %w", err)
		}
		if err := q.answer(ctx, value, to); err != nil {
			return err
		}
	}
}

// answer writes what the expression makes of one value.
func (q Query) answer(ctx context.Context, value any, to io.Writer) error {
	results := q.code.RunWithContext(ctx, value)
	for {
		result, more := results.Next()
		if !more {
			return nil
		}
		text, err := textOfResult(result)
		if err != nil {
			return fmt.Errorf("run the jq expression: %w", err)
		}
		if _, err := fmt.Fprintln(to, text); err != nil {
			return err
		}
	}
}

func textOfResult(result any) (string, error) {
	switch r := result.(type) {
	case error:
		return "", r
	case string:
		return r, nil
	}
	text, err := gojq.Marshal(result)
	return string(text), err
}
