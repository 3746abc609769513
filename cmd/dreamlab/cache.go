package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"dreamlab/cmd/internal/alike"
	"dreamlab/cmd/internal/client"
)

// cacheVerb works with the cache of answers.
type cacheVerb struct {
	Calibrate cacheCalibrateVerb `cmd:"" help:"measure from which similarity on questions mean the same"`
}

// cacheCalibrateVerb measures the threshold of cache.semantic.
type cacheCalibrateVerb struct {
	asking
	File      string  `arg:"" help:"a file of labelled pairs of questions, or - for the standard input"`
	Model     string  `required:"" placeholder:"MODEL" help:"the alias or MODEL that makes the vectors"`
	Precision float64 `default:"0.98" placeholder:"SHARE" help:"the SHARE of taken pairs that have to mean the same"`
	Sure      bool    `help:"ask it of the low end of the precision's 95 % interval"`
}

// Help tells what files hold, and what is measured.
func (*cacheCalibrateVerb) Help() string {
	return `A FILE holds a JSON object a line: {"a": QUESTION, "b": QUESTION, "same": true or false}.
Take pairs of your own traffic, also such that look alike and differ. Vectors are made and
compared as for cache.semantic. It says the lowest threshold of the precision, with its
interval; where no threshold has it the exit code is 1.`
}

// Validate refuses a share that is none.
func (v *cacheCalibrateVerb) Validate() error {
	if !(v.Precision > 0 && v.Precision <= 1) {
		return misuse("--precision has to be above 0 and at most 1")
	}
	return nil
}

// questionPair is two questions, and whether they mean the same.
type questionPair struct {
	A    string `json:"a"`
	B    string `json:"b"`
	Same *bool  `json:"same"`
}

// calibration is what was measured.
type calibration struct {
	Model   string `json:"model"`
	Pairs   int    `json:"pairs"`
	Reached bool   `json:"reached"`
	alike.Point
}

// Run measures the threshold and shows it.
func (v *cacheCalibrateVerb) Run(ctx context.Context, sh shell) error {
	var pairs []questionPair
	err := reading(sh, v.File, func(file io.Reader) (err error) {
		pairs, err = readQuestions(file)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", v.File, err)
	}
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	scored, err := v.score(ctx, c, pairs)
	if err != nil {
		return err
	}
	point, reached := alike.Calibrate(scored, v.Precision, v.Sure)
	found := calibration{v.Model, len(pairs), reached, point}
	if v.asJSON() {
		err = json.NewEncoder(sh.out).Encode(found)
	} else {
		err = writeCalibration(sh.out, found)
	}
	if err == nil && !reached {
		err = fmt.Errorf("no threshold has a precision of %v on these pairs: take more pairs, or ask for less", v.Precision)
	}
	return err
}

func readQuestions(file io.Reader) (pairs []questionPair, err error) {
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var p questionPair
		if json.Unmarshal(lines.Bytes(), &p) != nil || p.A == "" || p.B == "" || p.Same == nil {
			return nil, fmt.Errorf("line %d is no object with a, b and same", n)
		}
		pairs = append(pairs, p)
	}
	if lines.Err() == nil && len(pairs) == 0 {
		return nil, errors.New("it holds no pairs")
	}
	return pairs, lines.Err()
}

// vectorsAtOnce is how many pairs are turned into vectors by one call.
const vectorsAtOnce = 64

// score says how alike the questions of each pair are.
func (v *cacheCalibrateVerb) score(ctx context.Context, c *client.Client, pairs []questionPair) (scored []alike.Scored, err error) {
	for some := range slices.Chunk(pairs, vectorsAtOnce) {
		var texts []string
		for _, p := range some {
			texts = append(texts, p.A, p.B)
		}
		entries, err := v.entries(ctx, c, texts)
		if err != nil {
			return nil, err
		}
		for i, p := range some {
			scored = append(scored, alike.Scored{Similarity: entries[2*i].Similarity(entries[2*i+1]), Same: *p.Same})
		}
	}
	return scored, nil
}

func (v *cacheCalibrateVerb) entries(ctx context.Context, c *client.Client, texts []string) ([]alike.Entry, error) {
	reply, err := c.Do(ctx, http.MethodPost, "/v1/embeddings", map[string]any{"model": v.Model, "input": texts})
	if err != nil {
		return nil, fmt.Errorf("make vectors: %w", err)
	}
	var answer struct {
		Data []struct {
			Embedding []float32 `json:"embedding"`
		} `json:"data"`
	}
	if err := json.Unmarshal(reply, &answer); err != nil || len(answer.Data) != len(texts) {
		return nil, fmt.Errorf("make vectors: %d texts gave %d vectors", len(texts), len(answer.Data))
	}
	entries := make([]alike.Entry, len(texts))
	for i, text := range texts {
		if entries[i], err = alike.NewEntry(text, answer.Data[i].Embedding); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

func writeCalibration(out io.Writer, c calibration) error {
	_, err := fmt.Fprintf(out, "%s on %s\nthreshold %.4f: precision %.1f %% (95 %% interval %.1f to %.1f %%, %d of %d), "+
		"finds %.1f %% of those that mean the same\n", c.Model, plural(int64(c.Pairs), "pair"), c.Threshold, 100*c.Precision,
		100*c.Low, 100*c.High, c.Right, c.Taken, 100*c.Recall)
	return err
}
