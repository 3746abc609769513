package openai

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/completion"
)

// Failure is a vendor's refusal as it came over the wire.
type Failure struct {
	Status  int
	Header  http.Header
	Body    []byte
	Code    string
	Type    string
	Param   string
	Message string
}

// anyError takes in every shape of error body that is known: OpenAI's
// {"error":{…}}, {"error":"…"}, the flat {"message","type","code"},
// {"__type","message"}, FastAPI's {"detail"} and {"errors":[{"code","message"}]}.
type anyError struct {
	Error     json.RawMessage `json:"error"`
	Errors    []anyError      `json:"errors"`
	Message   string          `json:"message"`
	Detail    json.RawMessage `json:"detail"`
	Type      string          `json:"type"`
	AWSType   string          `json:"__type"`
	ErrorType string          `json:"error_type"`
	Param     any             `json:"param"`
	Code      any             `json:"code"`
	Status    any             `json:"status"`
	ErrorCode string          `json:"error_code"`
}

func newFailure(status int, header http.Header, body []byte) Failure {
	f := Failure{Status: status, Header: header, Body: body}
	trimmed := bytes.TrimSpace(body)
	if bytes.HasPrefix(trimmed, []byte("[")) { // some wrap the object in an array
		for item := range completion.Items(trimmed) {
			trimmed = item
			break
		}
	}
	var parsed anyError
	// A field of another type leaves the others readable.
	if err := json.Unmarshal(trimmed, &parsed); err != nil && !isTypeError(err) {
		f.Message = fmt.Sprintf("the answer is no JSON (%s, %d bytes)",
			cmp.Or(header.Get("Content-Type"), "no content type"), len(body))
		return f
	}
	f.take(parsed)
	return f
}

func isTypeError(err error) bool {
	_, ok := err.(*json.UnmarshalTypeError)
	return ok
}

func (f *Failure) take(parsed anyError) {
	if completion.Present(parsed.Error) {
		for item := range completion.Items(parsed.Error) { // a list of errors: the first
			parsed.Error = item
			break
		}
		var text string
		var inner anyError
		if json.Unmarshal(parsed.Error, &text) == nil {
			parsed.Message = cmp.Or(parsed.Message, text)
		} else if err := json.Unmarshal(parsed.Error, &inner); err == nil || isTypeError(err) {
			parsed = inner
		}
	} else if len(parsed.Errors) > 0 {
		parsed = parsed.Errors[0]
	}
	f.Message = parsed.Message
	if f.Message == "" && completion.Present(parsed.Detail) {
		f.Message = strings.Trim(string(parsed.Detail), `"`)
	}
	f.Type = cmp.Or(parsed.Type, parsed.AWSType, parsed.ErrorType, word(parsed.Status))
	f.Code, f.Param = cmp.Or(word(parsed.Code), parsed.ErrorCode), word(parsed.Param)
	f.Message = cmp.Or(f.Message, f.Type, f.Code, "the vendor gave no reason")
}

// word returns a code that may be a string or a number.
func word(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	}
	return ""
}

// failure reads the body of an unsuccessful response.
func (c *Client) failure(a *answer) error {
	var body bytes.Buffer
	if _, err := body.ReadFrom(io.LimitReader(a.Body, maxError)); err != nil {
		body.Reset() // the status says enough
	}
	return c.classify(a, newFailure(a.StatusCode, a.Header, body.Bytes()))
}

// inBand is the error that came inside of a successful response.
func (c *Client) inBand(a *answer, body []byte, used providers.Usage) *providers.Error {
	f := newFailure(0, a.Header, bytes.Clone(body))
	if status, err := strconv.Atoi(f.Code); err == nil && status >= 400 && status < 600 {
		f.Status = status
	}
	e := c.classify(a, f)
	e.Status = a.StatusCode
	e.Charge = providers.ChargeUnknown
	if !used.Missing {
		e.Charge, e.Usage = providers.ChargeUsage, used
	}
	return e
}

// classify makes an error of the closed kinds out of a failure.
func (c *Client) classify(a *answer, f Failure) *providers.Error {
	kind := c.dialect.Words.kindOf(f)
	if kind == providers.KindModelGone && a.model == "" {
		kind = providers.KindInvalid
	}
	e := &providers.Error{
		Kind: kind, Provider: c.dialect.Provider, Model: a.model, Status: f.Status,
		Code: cmp.Or(f.Code, f.Type), Message: f.Message, Param: f.Param,
		RequestID: c.requestID(a.Header), Charge: charge(f.Status, kind),
		NoRetry: a.Header.Get("X-Should-Retry") == "false",
	}
	if f.Status >= 300 && f.Status < 400 {
		e.Message = "the vendor answers with a redirect, which is not followed: mend the base URL"
		e.NoRetry = true
	}
	if wait, ok := retryAfter(f, c.now()); ok {
		e.RetryAfter = wait
	}
	if c.dialect.Classify != nil {
		c.dialect.Classify(f, e)
	}
	e.Message, e.Code, e.Param = c.scrub(e.Message), c.scrub(e.Code), c.scrub(e.Param)
	return e
}

// charge tells what a refusal costs where the vendor says nothing special: a
// request that was turned away costs nothing; one that failed or went quiet
// while the model worked may.
func charge(status int, kind providers.Kind) providers.Charge {
	switch {
	case kind == providers.KindModelOutput, kind == providers.KindTimeout:
		return providers.ChargeUnknown
	case status == http.StatusServiceUnavailable, status == 529:
		return providers.ChargeNone
	case status >= 500 || status < 300:
		return providers.ChargeUnknown
	}
	return providers.ChargeNone
}
