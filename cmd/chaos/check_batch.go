package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// readResults reads the files that the batches left in the bucket.
func (h *history) readResults(bucket string) error {
	var faults error
	for _, b := range h.batches {
		for _, id := range []string{b.Output, b.Errors} {
			if id == "" {
				continue
			}
			file, err := os.Open(filepath.Join(bucket, "files", id))
			if err != nil {
				faults = errors.Join(faults, err)
				continue
			}
			h.results[id], err = customIDs(file)
			faults = errors.Join(faults, err, file.Close())
		}
	}
	return faults
}

// customIDs reads whose results the lines of a file are.
func customIDs(file io.Reader) (ids []string, err error) {
	lines := json.NewDecoder(file)
	for {
		var line struct {
			ID string `json:"custom_id"`
		}
		if err = lines.Decode(&line); err != nil {
			break
		}
		ids = append(ids, line.ID)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return ids, err
}

// lookAtBatches looks for the lines of each batch of a file: the batch ends complete, and each
// line has one result, an answer or a failure. Of the batch of a dream, each answer is that of
// a step.
func lookAtBatches(h *history, _ loadNotes, f *finding) {
	answered, failed := 0, 0
	kept := map[string]bool{}
	for _, effects := range h.effects {
		for _, e := range effects {
			kept[e.Entry] = true
		}
	}
	for _, b := range h.batches {
		answered, failed = answered+b.Completed, failed+b.Failed
		if b.File != "" {
			h.lookAtResults(b, f)
			continue
		}
		for _, e := range h.entries[b.Job] {
			f.see()
			if e.kept() && !kept[e.ID] {
				f.breaks(b.Job, "entry %s paid %s, whose answer is nowhere", e.ID, e.Step)
			}
		}
	}
	f.say("of the lines of %d batches %d are answered and %d failed", len(h.batches), answered, failed)
}

// lookAtResults compares the results with what the batch tells of them.
func (h *history) lookAtResults(b batchRow, f *finding) {
	answers, failures := h.results[b.Output], h.results[b.Errors]
	seen := map[string]bool{}
	for _, results := range [][]string{answers, failures} {
		for _, id := range results {
			f.see()
			if seen[id] {
				f.breaks(b.Job, "%s has two results for its line %s", b.ID, id)
			}
			seen[id] = true
		}
	}
	switch {
	case b.Status != "completed":
		f.breaks(b.Job, "%s is %s", b.ID, b.Status)
	case len(seen) != batchLines || b.Total != batchLines || b.Completed != len(answers) || b.Failed != len(failures):
		f.breaks(b.Job, "%s tells of %d lines, %d completed and %d failed; of %d lines it has %d answers and %d failures",
			b.ID, b.Total, b.Completed, b.Failed, batchLines, len(answers), len(failures))
	}
}

// lookAtLines looks for lines that were paid twice, in orders or live, and compares what the
// books have for the lines of orders with what the vendors billed.
func lookAtLines(h *history, _ loadNotes, f *finding) {
	booked := map[string]*ordered{}
	for _, b := range h.batches {
		paid := map[string]int{} // answers of a line
		for _, e := range h.entries[b.Job] {
			f.see()
			if e.State == "open" {
				f.breaks(e.Job, "entry %s of %s was never ended", e.ID, e.Step)
			}
			model := e.Provider + "/" + e.Model
			if booked[model] == nil {
				booked[model] = &ordered{}
			}
			booked[model].add(e)
			if e.kept() {
				paid[e.Step]++
			}
		}
		h.addLive(b.Job, paid)
		for step, n := range paid {
			if n > 1 {
				f.breaks(b.Job, "%s of %s was answered and paid %d times", step, b.ID, n)
			}
		}
	}
	h.lookAtOrders(booked, f)
}

// addLive counts the answers of lines that were asked live.
func (h *history) addLive(batch string, paid map[string]int) {
	for id, job := range h.jobs {
		if job.Parent != batch {
			continue
		}
		for _, e := range h.effects[id] {
			paid[e.Step]++
		}
	}
}

// ordered is what the books have for the lines of orders to one model.
type ordered struct {
	settled, unknown int
	nano             int64
}

func (o *ordered) add(e entryRow) {
	switch e.State {
	case "settled":
		o.settled++
		o.nano += e.Settled
	case "unknown":
		o.unknown++
	}
}

// lookAtOrders compares them with the vendors' count: what was billed for more lines than are
// settled was lost, and has an unknown entry.
func (h *history) lookAtOrders(booked map[string]*ordered, f *finding) {
	for _, p := range h.paid {
		model := p.Vendor + "/" + p.Model
		of := booked[model]
		if of == nil {
			of = &ordered{}
		}
		text := fmt.Sprintf("%s billed %d lines at %d nano-dollars; the books have %d settled at %d, and %d unknown",
			model, p.Lines, p.LineNano, of.settled, of.nano, of.unknown)
		switch {
		case p.Lines < of.settled, p.Lines > of.settled+of.unknown, p.Lines == of.settled && p.LineNano != of.nano:
			f.breaks("", "%s", text)
		case p.Lines > 0:
			f.say("%s", text)
		}
	}
}
