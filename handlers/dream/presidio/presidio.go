// Package presidio is the room of a Presidio analyzer that is asked whether a text holds personal
// data: it knows names and places in a language, where package redact knows forms.
//
// https://microsoft.github.io/presidio/api-docs/api-docs.html#tag/Analyzer
package presidio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"dreamlab/providers/redact"
)

// The bounds of a request.
const (
	timeout   = 10 * time.Second // of an answer: the first one of a service may load its language's model
	mostText  = 100_000          // bytes of one text: longer ones are not analyzed, and so not kept
	mostReply = 4 << 20          // bytes
)

// ErrUnchecked means that a text could not be analyzed.
var ErrUnchecked = errors.New("the Presidio service could not be asked")

// Analyzer asks a service. Its zero value asks none and finds nothing.
type Analyzer struct {
	URL      string   // without a path
	Language string   // of the texts, as "en"
	Score    float64  // from which on a finding counts, 0 to 1
	Entities []string // the types that count
}

// client follows no redirect: the texts go to the configured address alone.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// Asks tells whether there is a service.
func (a Analyzer) Asks() bool { return a.URL != "" }

// request and found are the bodies of POST /analyze.
type request struct {
	Text      string   `json:"text"`
	Language  string   `json:"language"`
	Threshold float64  `json:"score_threshold"`
	Entities  []string `json:"entities,omitempty"`
}

type found struct {
	Type  string  `json:"entity_type"`
	Score float64 `json:"score"`
}

// Finds returns the type of the personal data that a text holds, such as PERSON, and "" for none. Placeholders
// that stand for personal data are none. Its errors wrap [ErrUnchecked], and repeat nothing of the text.
func (a Analyzer) Finds(ctx context.Context, text string) (kind string, err error) {
	text = redact.WithoutPlaceholders(text)
	if !a.Asks() || strings.TrimSpace(text) == "" {
		return "", nil
	}
	if len(text) > mostText {
		return "", fmt.Errorf("%w: the text is longer than %d bytes", ErrUnchecked, mostText)
	}
	all, err := a.analyze(ctx, request{Text: text, Language: a.Language, Threshold: a.Score, Entities: a.Entities})
	if err != nil {
		return "", err
	}
	for _, one := range all {
		if one.Score >= a.Score {
			return one.Type, nil
		}
	}
	return "", nil
}

func (a Analyzer) analyze(ctx context.Context, r request) ([]found, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	asked, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(a.URL, "/")+"/analyze", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: its address is none", ErrUnchecked)
	}
	asked.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(asked)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrUnchecked, why(ctx))
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: it answered with status %d", ErrUnchecked, answer.StatusCode)
	}
	return read(answer.Body)
}

// why says why there was no answer. The client's own error names the address.
func why(ctx context.Context) string {
	if ctx.Err() != nil {
		return "it did not answer in time"
	}
	return "it can not be reached"
}

func read(body io.Reader) ([]found, error) {
	text, err := io.ReadAll(io.LimitReader(body, mostReply+1))
	if err != nil {
		return nil, fmt.Errorf("%w: its answer was cut", ErrUnchecked)
	}
	var all []found
	if len(text) > mostReply || json.Unmarshal(text, &all) != nil || all == nil {
		return nil, fmt.Errorf("%w: its answer is no list of findings", ErrUnchecked)
	}
	return all, nil
}
