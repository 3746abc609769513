// Package notebook is the room of trainings that people run themselves: the notebook for
// Google Colab and the script for any machine with a GPU, which are one template, and the
// protocol by which such a run reports: signed addresses for what it reads and leaves, and
// signed, numbered messages.
//
// It keeps runs in a bucket, where all but the files of an adapter that is not whole yet is
// written once. What comes from a run is not
// trusted: the key signs it, each file has to be one of a few names and to hold what was told
// of it, and an exam has to follow.
package notebook

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"dreamlab/store/plainjson"
)

//go:embed train.py
var template string

// Run is a training on somebody's own machine.
type Run struct {
	ID      string    `json:"id"` // run_…
	Tune    string    `json:"tune"`
	Key     string    `json:"key"` // 32 bytes, hex; signs its messages and addresses
	Created time.Time `json:"created"`
	// Data is the file of rows in the bucket, SHA256 what it has to hold.
	Data   string `json:"data"`
	SHA256 string `json:"sha256"`

	Base         string  `json:"base"`     // name of the weights on Hugging Face
	Revision     string  `json:"revision"` // "" takes the newest
	Epochs       int     `json:"epochs"`
	BatchSize    int     `json:"batch_size"`
	LearningRate float64 `json:"learning_rate"`
	Rank         int     `json:"rank"`
	Alpha        int     `json:"alpha"`
	Seed         int64   `json:"seed"`
}

// Batch is how many rows at once a GPU of 16 GB takes, where nothing else was asked for.
const Batch = 2

// Times of a session, which Colab ends after twelve hours
// (https://research.google.com/colaboratory/faq.html).
const (
	session    = 12 * time.Hour
	stopBefore = 10 * time.Minute
	addresses  = 7 * 24 * time.Hour // how long the signed addresses hold
)

// maxSequence bounds a row, in tokens; saveSteps is how often a checkpoint is saved.
const (
	maxSequence = 4096
	saveSteps   = 50
)

// packages are the versions that a run installs.
func packages() []string {
	return []string{
		"unsloth==2026.10.4", "trl==0.24.0", "peft==0.18.0", "transformers==4.57.1", "bitsandbytes==0.48.2",
		"datasets==4.3.0",
	}
}

// parameters is what the template is told.
type parameters struct {
	Run          string   `json:"run_url"`
	Messages     string   `json:"messages_url"`
	Data         string   `json:"data_url"`
	Files        string   `json:"files_url"` // with NAME in place of a file's name
	Key          string   `json:"key"`
	SHA256       string   `json:"data_sha256"`
	Packages     []string `json:"packages"`
	Session      int      `json:"session_seconds"`
	StopBefore   int      `json:"stop_before_seconds"`
	RetrySeconds float64  `json:"retry_seconds"`
	Base         string   `json:"base"`
	Revision     *string  `json:"revision"` // null takes the newest
	MaxSequence  int      `json:"max_sequence"`
	SaveSteps    int      `json:"save_steps"`
	Epochs       int      `json:"epochs"`
	BatchSize    int      `json:"batch_size"`
	LearningRate float64  `json:"learning_rate"`
	Rank         int      `json:"rank"`
	Alpha        int      `json:"alpha"`
	Seed         int64    `json:"seed"`
}

// parameters fills in the template for a run whose routes stand below an address.
func (r Run) parameters(address string, now time.Time) parameters {
	at := address + r.Path()
	var revision *string
	if r.Revision != "" {
		revision = &r.Revision
	}
	return parameters{
		Run: at + "?" + r.sign("GET", "", now), Messages: at, Data: at + "/data?" + r.sign("GET", "data", now),
		Files: at + "/files/NAME?" + r.sign("PUT", "files", now), Key: r.Key, SHA256: r.SHA256, Packages: packages(),
		Session: int(session.Seconds()), StopBefore: int(stopBefore.Seconds()), RetrySeconds: 5,
		Base: r.Base, Revision: revision, MaxSequence: maxSequence, SaveSteps: saveSteps, Epochs: r.Epochs,
		BatchSize: r.BatchSize, LearningRate: r.LearningRate, Rank: r.Rank, Alpha: r.Alpha, Seed: r.Seed,
	}
}

// Path is where the routes of a run stand.
func (r Run) Path() string { return "/v1/tunes/" + r.Tune + "/runs/" + r.ID }

// Script is the run as a program, for Dream Lab at an address.
func (r Run) Script(address string, now time.Time) string { return fill(r.parameters(address, now)) }

func fill(p parameters) string {
	return strings.Replace(template, "{{parameters}}", string(plainjson.Of(p)), 1)
}

// opening begins a cell of the template, and names it.
var opening = regexp.MustCompile(`(?m)^# %% \[([a-z]+)\]\n`)

// cell is a cell of a notebook (https://nbformat.readthedocs.io, 4.5).
type cell struct {
	Type      string         `json:"cell_type"`
	ID        string         `json:"id"`
	Metadata  map[string]any `json:"metadata"`
	Source    []string       `json:"source"`
	Outputs   *[]any         `json:"outputs,omitempty"`
	Execution *counted       `json:"execution_count,omitempty"`
}

// counted is how often a cell ran: never, which is null and has to stand there.
type counted struct{}

// MarshalJSON writes null.
func (counted) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// Notebook is the run as a notebook, a cell for each part of the script.
func (r Run) Notebook(address string, now time.Time) ([]byte, error) {
	script := r.Script(address, now)
	cells := []cell{{Type: "markdown", ID: "about", Metadata: map[string]any{}, Source: lines(fmt.Sprintf(
		"# Dream Lab: training for %s\n\nRun all cells on a GPU. The run stops ten minutes before the session's end; run "+
			"the notebook again to go on. The key in it is for this run alone: do not share it.\n", r.Tune))}}
	starts := opening.FindAllStringSubmatchIndex(script, -1)
	for i, at := range starts {
		end := len(script)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		cells = append(cells, cell{
			Type: "code", ID: script[at[2]:at[3]], Metadata: map[string]any{}, Outputs: &[]any{}, Execution: &counted{},
			Source: lines(strings.TrimSpace(script[at[1]:end]) + "\n"),
		})
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	err := encoder.Encode(map[string]any{
		"nbformat": 4, "nbformat_minor": 5, "cells": cells,
		"metadata": map[string]any{
			"accelerator": "GPU", "colab": map[string]any{"gpuType": "T4", "provenance": []any{}, "name": r.Tune + ".ipynb"},
			"kernelspec": map[string]any{"name": "python3", "display_name": "Python 3"},
		},
	})
	return out.Bytes(), err
}

// lines splits a text behind each end of a line.
func lines(text string) []string { return strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n") }
