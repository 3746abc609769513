package show

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

// filtered returns what an expression makes of JSON that is written in two pieces.
func filtered(ctx context.Context, t *testing.T, expression, values string) (string, error) {
	t.Helper()
	var q Query
	if err := q.UnmarshalText([]byte(expression)); err != nil || !q.Given() {
		t.Fatalf("%s: %v", expression, err)
	}
	var out bytes.Buffer
	into := q.Filter(ctx, &out)
	for _, piece := range []string{values[:len(values)/2], values[len(values)/2:]} {
		if _, err := io.WriteString(into, piece); err != nil {
			return out.String(), errors.Join(err, into.Close())
		}
	}
	err := into.Close()
	return out.String(), err
}

func TestQuery(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ expression, values, want string }{
		{".data[].id", `{"data":[{"id":"job_1"},{"id":"job_2"}]}`, "job_1\njob_2\n"},
		{".cost_usd", `{"cost_usd":0.10}`, "0.10\n"},
		{".n", `{"n":12345678901234567890}`, "12345678901234567890\n"},
		{"{a}", `{"b":1,"a":"<&>"}`, `{"a":"<&>"}` + "\n"},
		{".id", "{\"id\":1}\n{\"id\":2}\n", "1\n2\n"},
		{"empty", `{}`, ""},
		{"$ENV | length", `{}`, "0\n"},
	} {
		if got, err := filtered(t.Context(), t, c.expression, c.values); err != nil || got != c.want {
			t.Errorf("%s of %s is %q, %v", c.expression, c.values, got, err)
		}
	}
}

func TestQueryFaults(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		".[": "read the jq expression: ", "nothing": "compile the jq expression: ", `input`: "compile the jq expression: ",
	} {
		var q Query
		if err := q.UnmarshalText([]byte(expression)); err == nil || !strings.HasPrefix(err.Error(), want) || q.Given() {
			t.Errorf("%s: %v", expression, err)
		}
	}
	if got, err := filtered(t.Context(), t, ".[] | keys", `[{"a":1},2]`); got != "[\"a\"]\n" ||
		err == nil || !strings.HasPrefix(err.Error(), "run the jq expression: ") {
		t.Errorf("of what has no keys: %q, %v", got, err)
	}
	var cut *json.SyntaxError
	if _, err := filtered(t.Context(), t, ".", `{"a":1} , `); !errors.As(err, &cut) {
		t.Errorf("of what is no JSON: %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := filtered(stopped, t, "range(infinite)", "1 "); !errors.Is(err, context.Canceled) {
		t.Errorf("without an end: %v", err)
	}
}
