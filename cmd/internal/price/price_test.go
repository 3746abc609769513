package price_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"dreamlab/cmd/internal/price"
	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/store/money"
)

const models = `{"vendor":"p","models":[
 {"id":"plain","context":400,"max_output":100,"capabilities":["streaming"],"prices":[{"input":"1","output":"2"}]},
 {"id":"able","context":100000,"capabilities":["tools","json_schema","vision"],
  "prices":[{"from":"2026-01-01","input":"2","output":"4","batch":{"part":"0.5"},"flex":{"part":"0.75"}}]},
 {"id":"vectors","capabilities":["embeddings"],"prices":[{"input":"1","output":"0"}]},
 {"id":"unpriced"}, {"id":"over","status":"retired","prices":[{"input":"1","output":"1"}]},
 {"id":"gone","gone":"2026-01-01","prices":[{"input":"1","output":"1"}]}]}`

var now = time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)

func known(t testing.TB) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load(strings.NewReader(models))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ours(c *catalog.Catalog) (ours []catalog.Model) {
	for _, m := range c.Models() {
		if m.Provider == "p" {
			ours = append(ours, m)
		}
	}
	return ours
}

func read(t *testing.T, text string) (asks []price.Ask) {
	t.Helper()
	err := price.Read(strings.NewReader(text), func(a price.Ask) error { asks = append(asks, a); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return asks
}

// TestForms reads every form of a row.
func TestForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[{"role":"user","content":"x"}]}}`: 1,
		`{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":3}`:                                                        1,
		`{"conversation_id":"c","messages":[{"role":"user","content":"x"},{"role":"assistant","content":"yyyy"},` +
			`{"role":"user","content":"x"},{"role":"assistant","content":"z"}]}`: 2,
		`{"body":{"model":"m","input":["a","b"]}}`:                                    1,
		`{"model":"m","input":"a"}`:                                                   1,
		`{"turns":["a","b","c"]}`:                                                     3,
		`{"question":"a","answer":"b"}`:                                               1,
		`[{"question":"a","answer":"b"},{"question":"a","answer":"b"}]`:               2,
		`{"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]}`: 1,
		"": 0,
	} {
		if asks := read(t, text); len(asks) != want {
			t.Errorf("%s: %d requests, want %d", text, len(asks), want)
		}
	}
}

// TestFaultsOfRows names the row that can not be read.
func TestFaultsOfRows(t *testing.T) {
	t.Parallel()
	good := `{"question":"a","answer":"b"}` + "\n"
	for _, bad := range []string{`{"messages":`, `3`, `{}`, `{"model":"m","input":3}`, `{"body":{"model":"m","messages":[{}]}}`} {
		err := price.Read(strings.NewReader(good+bad), func(price.Ask) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "row 2") && !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v, want the row's number", bad, err)
		}
	}
}

// TestSheet prices requests as the router reserves for them.
func TestSheet(t *testing.T) {
	t.Parallel()
	c := known(t)
	sheet := price.NewSheet(c, ours(c), now)
	asks := read(t, `{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":10}
{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f"}}]}
{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{"name":"v","schema":{}}}}
{"model":"m","messages":[{"role":"user","content":"`+strings.Repeat("word ", 1000)+`"}],"max_tokens":1}
{"model":"m","input":"x"}`)
	var reserved int64
	for _, ask := range asks {
		if err := sheet.Add(ask); err != nil {
			t.Fatal(err)
		}
		if len(ask.Request.Inputs) == 0 {
			quote, err := c.Quote("p", "able", &ask.Request, now)
			if err != nil {
				t.Fatal(err)
			}
			reserved += quote
		}
	}
	rows := sheet.Rows()
	if len(rows) != 3 || sheet.Asked() != 5 {
		t.Fatalf("%+v", rows)
	}
	able, taken := rows[0], map[string]int64{}
	for _, r := range rows {
		taken[r.Model] = r.Taken
	}
	if fmt.Sprint(taken) != "map[able:4 plain:1 vectors:1]" || able.Model != "able" {
		t.Errorf("taken %v", taken)
	}
	if *able.Live != money.USD(reserved) || *able.Batch != money.USD(reserved/2) || *able.Flex != money.USD(reserved/4*3) {
		t.Errorf("live %v, batch %v, flex %v; the router reserves %v", able.Live, able.Batch, able.Flex, money.USD(reserved))
	}
	if plain := rows[1]; plain.Batch != nil || plain.Flex != nil || able.PriceFrom != "2026-01-01" {
		t.Errorf("%+v", plain)
	}
}

// TestKnownAnswers counts an answer that the file has by its own length.
func TestKnownAnswers(t *testing.T) {
	t.Parallel()
	asks := read(t, `{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"12345678"}]}`)
	if got := asks[0].Answer; got != 4 {
		t.Errorf("%d tokens", got)
	}
	if input := providers.InputBound(&asks[0].Request); input <= 0 {
		t.Errorf("input %d", input)
	}
}

// TestAnySize streams a file that is larger than what is kept of it.
func TestAnySize(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	from, to := io.Pipe()
	go func() {
		for range rows {
			if _, err := io.WriteString(to, `{"model":"m","messages":[{"role":"user","content":"x"}]}`+"\n"); err != nil {
				break
			}
		}
		to.Close()
	}()
	c := known(t)
	sheet := price.NewSheet(c, ours(c), now)
	if err := price.Read(from, sheet.Add); err != nil || sheet.Asked() != rows {
		t.Errorf("%d rows, %v", sheet.Asked(), err)
	}
}
