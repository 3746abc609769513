package reconcile

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"dreamlab/store/money"
)

// columns are the names, in small letters with _ between, under which vendors export what is compared.
var columns = map[string][]string{
	"day": {"day", "date", "usage_date", "usage_start_date", "start_time", "start_time_iso", "start", "timestamp", "period_start",
		"lineitem/usagestartdate"},
	"model":  {"model", "model_id", "model_name", "snapshot_id", "line_item", "meter", "sku", "sku_description"},
	"cost":   {"cost_usd", "cost", "amount", "amount_value", "amount_usd", "total_cost", "settled_usd", "spend", "usd", "cost_in_usd"},
	"calls":  {"calls", "requests", "num_requests", "n_requests", "num_model_requests", "request_count"},
	"input":  {"input_tokens", "prompt_tokens", "n_context_tokens_total", "tokens_in", "total_input_tokens"},
	"output": {"output_tokens", "completion_tokens", "n_generated_tokens_total", "tokens_out", "total_output_tokens"},
}

// maxLine bounds a field of an export, in bytes.
const maxLine = 4096

// Read reads a vendor's export: CSV whose first line names its columns, in any order, with a day
// and a model at least. Lines of one model and day are summed.
func Read(from io.Reader) (Sums, error) {
	r := csv.NewReader(from)
	r.ReuseRecord, r.TrimLeadingSpace = true, true
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("read the names of the columns: %w", err)
	}
	at, err := placed(header)
	if err != nil {
		return nil, err
	}
	sums := Sums{}
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return sums, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the export: %w", err)
		}
		line, _ := r.FieldPos(0)
		key, sum, err := lineOf(fields, at)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		sums.Add(key, sum)
	}
}

// placed finds the columns of what is compared.
func placed(header []string) (map[string]int, error) {
	at, given := map[string]int{}, make([]string, len(header))
	for i, name := range header {
		given[i] = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))), " ", "_")
	}
	for what, names := range columns {
		for _, name := range names {
			if i := slices.Index(given, name); i >= 0 {
				at[what] = i
				break
			}
		}
	}
	for _, what := range []string{"day", "model"} {
		if _, found := at[what]; !found {
			return nil, fmt.Errorf("the export has no column for the %s: name one of its columns %s (it has %.200q)",
				what, columns[what][0], given)
		}
	}
	return at, nil
}

func lineOf(fields []string, at map[string]int) (Key, Sum, error) {
	field := func(what string) string {
		i, has := at[what]
		if !has || i >= len(fields) {
			return ""
		}
		return strings.TrimSpace(fields[i])
	}
	key, sum := Key{Model: strings.Clone(field("model"))}, Sum{}
	if key.Model == "" || len(key.Model) > maxLine {
		return key, sum, errors.New("it names no model")
	}
	var err error
	if key.Day, err = dayOf(field("day")); err != nil {
		return key, sum, err
	}
	for what, to := range map[string]**int64{"calls": &sum.Calls, "input": &sum.Input, "output": &sum.Output} {
		if *to, err = count(field(what)); err != nil {
			return key, sum, fmt.Errorf("%s: %w", what, err)
		}
	}
	if text := strings.TrimPrefix(field("cost"), "$"); text != "" {
		nano, err := money.Parse(text)
		if err != nil {
			return key, sum, fmt.Errorf("cost: %w", err)
		}
		sum.Nano = new(int64(nano))
	}
	return key, sum, nil
}

// dayOf reads a day, an instant, or unix seconds.
func dayOf(text string) (string, error) {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil && seconds > 100_000_000 && seconds < 1<<34 {
		return time.Unix(seconds, 0).UTC().Format(time.DateOnly), nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "01/02/2006"} {
		if at, err := time.Parse(form, text); err == nil {
			return at.UTC().Format(time.DateOnly), nil
		}
	}
	return "", fmt.Errorf("%.40q is no day: write it as 2026-01-31", text)
}

func count(text string) (*int64, error) {
	if text == "" {
		return nil, nil
	}
	whole, _, _ := strings.Cut(text, ".") // some write counts as 12.0
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("%.40q is no count", text)
	}
	return &n, nil
}

func number(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}
