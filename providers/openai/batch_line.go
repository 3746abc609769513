package openai

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/completion"
)

// maxLines bounds the bytes of a file of lines: no vendor takes a tenth of it in one batch.
const maxLines = 2 << 30

// eachLine hands over the lines of an answer as they come.
func (a *answer) eachLine(each func([]byte) error) error {
	bound := &io.LimitedReader{R: a.Body, N: maxLines}
	reader := bufio.NewReaderSize(bound, 64<<10)
	for {
		line, err := readLine(reader)
		if errors.Is(err, bufio.ErrTooLong) {
			return a.tooLarge("a line of the answer")
		}
		if err != nil && !errors.Is(err, io.EOF) {
			e := a.broken("the answer broke off", err)
			e.Charge = providers.ChargeNone // reading costs nothing
			return e
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if fault := each(line); fault != nil {
				return fault
			}
		}
		if err != nil {
			return nil
		}
	}
}

// readLine reads up to a line's end, and not more than maxLine.
func readLine(reader *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := reader.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, bufio.ErrTooLong
		case !errors.Is(err, bufio.ErrBufferFull):
			return line, err
		}
	}
}

// BatchLine reads a line of a file of answers, or of failures, and hands it over. The
// answer stands in the line with its status around it, or bare.
func (c *Client) BatchLine(ctx context.Context, line []byte, each func(providers.BatchAnswer) error) error {
	var came struct {
		ID       string          `json:"custom_id"`
		Response json.RawMessage `json:"response"`
		Error    json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(line, &came); err != nil {
		return c.Garbled("a line of the answers is no JSON")
	}
	if came.ID == "" {
		return nil // whose it is cannot be told: its line counts as unanswered
	}
	made, said := providers.BatchAnswer{ID: came.ID}, saidIn(came.Response)
	if !completion.Present(said.Body) {
		made.Err = c.lineFault(came.Error)
		return each(made)
	}
	reply, err := c.Came(ctx, "", said.Status, said.ID, said.Body)
	made.Reply = reply
	if err != nil && !errors.As(err, &made.Err) {
		return err
	}
	return each(made)
}

// batchSaid is the answer to one line.
type batchSaid struct {
	Status int             `json:"status_code"`
	ID     string          `json:"request_id"`
	Body   json.RawMessage `json:"body"`
}

// saidIn takes an answer out of what stands around it, where something does.
func saidIn(response json.RawMessage) batchSaid {
	var around batchSaid
	if completion.IsObject(response) && json.Unmarshal(response, &around) == nil && (around.Status != 0 || len(around.Body) > 0) {
		around.Status = cmp.Or(around.Status, http.StatusOK)
		return around
	}
	return batchSaid{Status: http.StatusOK, Body: response}
}

// Came reads an answer that came in a file as if it had come over the wire by itself.
func (c *Client) Came(
	ctx context.Context, model string, status int, id string, body []byte,
) (*providers.Reply, error) {
	a := &answer{ctx: ctx, client: c, model: model, Response: &http.Response{
		StatusCode: status, Header: http.Header{"X-Request-Id": {id}},
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}}
	if status < 200 || status > 299 {
		return nil, c.failure(a)
	}
	return c.whole(a, &providers.Reply{RequestID: id})
}

// lineFault is the error of a line that has no answer. What was not answered is not billed.
func (c *Client) lineFault(raw json.RawMessage) *providers.Error {
	f := newFailure(0, http.Header{}, []byte(`{"error":`+cmp.Or(string(raw), "null")+`}`))
	e := &providers.Error{
		Kind: c.dialect.Words.kindOf(f), Provider: c.dialect.Provider, Code: c.scrub(f.Code),
		Message: c.scrub(f.Message), Charge: providers.ChargeNone,
	}
	if f.Code == "batch_expired" || f.Code == "batch_cancelled" {
		e.Kind = providers.KindTimeout
	}
	return e
}

// Stamp is a time in any form that vendors have: unix seconds, RFC 3339 or null.
// Anything else is the zero time, never an error.
type Stamp struct{ time.Time }

// UnmarshalJSON never fails.
func (s *Stamp) UnmarshalJSON(data []byte) error {
	s.Time = time.Time{}
	text := strings.Trim(string(data), `"`)
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > 0 && seconds < 1e11 {
		s.Time = time.Unix(int64(seconds), 0).UTC()
	} else if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		s.Time = at.UTC()
	}
	return nil
}

// maxPages bounds a listing.
const maxPages = 100

// ListAll reads a whole listing, page by page, whether it comes bare or wrapped.
func ListAll[T any](ctx context.Context, c *Client, address string) ([]T, error) {
	var all []T
	for next := address; next != ""; {
		var raw json.RawMessage
		if _, err := c.Do(ctx, Call{Method: http.MethodGet, URL: next, Out: &raw}); err != nil {
			return nil, err
		}
		page, err := List[T](raw)
		if err != nil {
			return nil, c.Refused("", err)
		}
		all = append(all, page...)
		if next = nextPage(address, raw); len(page) == 0 || len(all) > maxPages*1000 {
			return all, nil
		}
	}
	return all, nil
}

// nextPage is the address of the page behind one, empty where that was the last: by
// OpenAI's last_id, by the last id of the page where that is left out, or by a cursor.
func nextPage(address string, raw []byte) string {
	var page struct {
		More bool   `json:"has_more"`
		Last string `json:"last_id"`
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
		Paging struct {
			Cursor string `json:"next_cursor"`
		} `json:"paging"`
	}
	if json.Unmarshal(raw, &page) != nil {
		return ""
	}
	if n := len(page.Data); page.Last == "" && n > 0 {
		page.Last = page.Data[n-1].ID
	}
	query := url.Values{}
	switch {
	case page.Paging.Cursor != "":
		query.Set("cursor", page.Paging.Cursor)
	case page.More && page.Last != "":
		query.Set("after", page.Last)
	default:
		return ""
	}
	if strings.Contains(address, "?") {
		return address + "&" + query.Encode()
	}
	return address + "?" + query.Encode()
}
