package work

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// How long the stages of a batch take, in lab time.
const (
	batchChecking   = time.Minute
	batchQueued     = time.Minute
	batchRunning    = 5 * time.Minute // and a minute more for each linesAMinute
	batchFinalizing = time.Minute
	batchStopping   = time.Minute // lines go on being answered meanwhile
)

// linesAMinute is how many lines a batch answers in a minute.
const linesAMinute = 200

// BatchState is where a batch is.
type BatchState string

// The states of a batch, in their order.
const (
	BatchValidating BatchState = "validating"
	BatchQueued     BatchState = "queued"
	BatchRunning    BatchState = "running"
	BatchFinalizing BatchState = "finalizing"
	BatchCancelling BatchState = "cancelling"
	BatchCancelled  BatchState = "cancelled"
	BatchFailed     BatchState = "failed" // it was refused when it was checked
	BatchExpired    BatchState = "expired"
	BatchCompleted  BatchState = "completed"
)

// Ended tells whether nothing follows the state.
func (s BatchState) Ended() bool {
	return slices.Contains([]BatchState{BatchCancelled, BatchFailed, BatchExpired, BatchCompleted}, s)
}

// plan decides when a batch does what, and how it ends.
func (bs *Batches) plan(b *Batch, target lab.Target) {
	fault, bad := bs.lab.TakeFault(target, lab.FaultFailBatch, lab.FaultExpireBatch)
	if bad && fault.Kind == lab.FaultFailBatch {
		b.Bad = append(b.Bad, BatchFault{Code: "invalid_request", Message: cmp.Or(fault.Message, "The batch failed.")})
	}
	b.Started = b.Created.Add(batchChecking + batchQueued)
	if _, slow := bs.lab.TakeFault(target, lab.FaultSlowCapacity); slow {
		b.Started = b.Started.Add(slowness)
	}
	b.Answered = b.Started.Add(batchRunning + time.Duration(b.Lines/linesAMinute)*time.Minute)
	b.Ends, b.Ending, b.Most = b.Answered.Add(batchFinalizing), BatchCompleted, b.Lines
	if bad && fault.Kind == lab.FaultExpireBatch {
		b.Most = int(float64(b.Lines) * cmp.Or(fault.Share, 0.5))
		b.Window = cmp.Or(b.Window, 24*time.Hour)
		b.Ends = b.Created.Add(b.Window + time.Second)
	}
	if expiry := b.Created.Add(b.Window); b.Window > 0 && b.Ends.After(expiry) {
		b.Ends, b.Ending = expiry, BatchExpired
	}
	if len(b.Bad) > 0 {
		b.Ends, b.Ending, b.Most = b.Checked(), BatchFailed, 0
	}
}

// Checked is when the batch is found sound, or refused.
func (b *Batch) Checked() time.Time { return b.Created.Add(batchChecking) }

// Stops is when the batch ends, however that comes.
func (b *Batch) Stops() time.Time {
	if end := b.Cancelled.Add(batchStopping); !b.Cancelled.IsZero() && end.Before(b.Ends) {
		return end
	}
	return b.Ends
}

// State is where the batch is at a time. One that ends while it is being cancelled
// ends as it would have.
func (b *Batch) State(now time.Time) BatchState {
	stops := b.Stops()
	switch {
	case !now.Before(stops) && stops.Before(b.Ends):
		return BatchCancelled
	case !now.Before(stops):
		return b.Ending
	case !b.Cancelled.IsZero():
		return BatchCancelling
	case now.Before(b.Checked()):
		return BatchValidating
	case now.Before(b.Started):
		return BatchQueued
	case now.Before(b.Answered):
		return BatchRunning
	case b.Most < b.Lines:
		return BatchRunning // the rest is never reached
	}
	return BatchFinalizing
}

// Done is how many lines are done, well or not.
func (b *Batch) Done(now time.Time) int {
	if stops := b.Stops(); now.After(stops) {
		now = stops
	}
	if !now.After(b.Started) {
		return 0
	}
	done := int64(b.Lines) * int64(now.Sub(b.Started)) / int64(b.Answered.Sub(b.Started))
	return int(min(done, int64(b.Most)))
}

// Settle brings the batches up to the lab's time: those that are over are billed, and
// their results are handed over. What serves results without asking for a batch, such
// as a bucket, calls it first.
func (bs *Batches) Settle() *lab.Failure {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	now, changed := bs.lab.Now(), false
	for _, b := range bs.state.Batches {
		if b.Delivered || !b.State(now).Ended() {
			continue
		}
		if err := bs.finish(b, now); err != nil {
			return lab.NotKept(err)
		}
		changed = true
	}
	if !changed {
		return nil
	}
	if err := bs.lab.Shelf.Save(bs.kept(), bs.state); err != nil {
		return lab.NotKept(err)
	}
	return nil
}

// finish bills a batch that is over and hands its results over.
func (bs *Batches) finish(b *Batch, now time.Time) error {
	results, err := bs.results(b)
	if err != nil {
		return err
	}
	for _, result := range results {
		switch {
		case result.Failure != nil:
			b.Wrong++
		case !result.Missed:
			b.Good++
		}
	}
	if bs.dressing.Line != nil && b.Ending != BatchFailed {
		err = bs.deliverFiles(b, results, now)
	}
	if err == nil && bs.dressing.Deliver != nil {
		err = bs.dressing.Deliver(b, results)
	}
	if err != nil {
		return err
	}
	b.Delivered = true
	bs.bill(b, results)
	return nil
}

// bill puts what was answered in the books. What came from the vendor's cache gets no
// second discount.
func (bs *Batches) bill(b *Batch, results []BatchResult) {
	in, out, _ := bs.lab.Price(bs.options.Vendor, b.Model)
	percent := cmp.Or(b.Percent, 100)
	paid := lab.Payment{Vendor: bs.options.Vendor, Model: b.Model}
	for _, result := range results {
		if result.Missed || result.Failure != nil {
			continue
		}
		paid.Calls++
		paid.TokensIn += result.Usage.In
		paid.TokensOut += result.Usage.Out
		paid.NanoUSD += Cost(1, result.Usage.In*(in*percent/100)+result.Usage.Out*(out*percent/100))
	}
	if paid.Calls > 0 {
		paid.BatchLines, paid.BatchNano = paid.Calls, paid.NanoUSD
		bs.lab.Pay(paid)
	}
}

// deliverFiles writes the files of the answers and of what failed.
func (bs *Batches) deliverFiles(b *Batch, results []BatchResult, now time.Time) (err error) {
	var good, bad bytes.Buffer
	for _, result := range results {
		to := &good
		if result.Failure != nil || result.Missed {
			to = &bad
		}
		line := bs.dressing.Line(*b, result)
		if line == nil {
			continue
		}
		if err := json.NewEncoder(to).Encode(line); err != nil {
			return err
		}
	}
	if b.Output, err = bs.deliverFile(b, "output", &good, now); err != nil {
		return err
	}
	b.Errors, err = bs.deliverFile(b, "error", &bad, now)
	return err
}

// deliverFile keeps one of the files of a batch; an empty one is none.
func (bs *Batches) deliverFile(b *Batch, kind string, content *bytes.Buffer, now time.Time) (string, error) {
	if content.Len() == 0 {
		return "", nil
	}
	f := File{
		ID: lab.NewID("file-"), Name: b.ID + "_" + kind + ".jsonl", Purpose: "batch_output", Type: "jsonl",
		Bytes: int64(content.Len()), Created: now, Received: now, Parts: map[int]string{},
	}
	if _, err := bs.lab.Shelf.Put(f.ID, content); err != nil {
		return "", err
	}
	bs.state.Files[f.ID] = &f
	return f.ID, nil
}
