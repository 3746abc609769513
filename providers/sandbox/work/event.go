package work

import (
	"fmt"
	"time"
)

// EventKind is what an event is about.
type EventKind string

// The kinds of events, in the order of a training's life, and then what ends it
// otherwise.
const (
	EventCreated     EventKind = "created"
	EventStarted     EventKind = "started"
	EventModelAsked  EventKind = "model_asked"
	EventModelLoaded EventKind = "model_loaded"
	EventDataAsked   EventKind = "data_asked"
	EventDataLoaded  EventKind = "data_loaded"
	EventTraining    EventKind = "training"
	EventEpoch       EventKind = "epoch"
	EventCheckpoint  EventKind = "checkpoint"
	EventTrained     EventKind = "trained"
	EventPacking     EventKind = "packing"
	EventPacked      EventKind = "packed"
	EventSaving      EventKind = "saving"
	EventSaved       EventKind = "saved"
	EventSucceeded   EventKind = "succeeded"
	EventCancelling  EventKind = "cancelling"
	EventCancelled   EventKind = "cancelled"
	EventFailed      EventKind = "failed"
	EventRefunded    EventKind = "refunded"
	EventRejected    EventKind = "rejected"
)

// Event is a line of a training's log.
type Event struct {
	At   time.Time
	Kind EventKind
	Text string
	Step int64
}

// story is all that happens to a training that nobody disturbs, in order.
func (t *Training) story() []Event {
	after := func(seconds int) time.Time { return t.Started.Add(time.Duration(seconds) * time.Second) }
	list := []Event{
		{t.Created, EventCreated, "Fine-tune request created", 0},
		{t.Started, EventStarted, "Job started", 0},
		{after(1), EventModelAsked, "Downloading model", 0},
		{after(2), EventModelLoaded, "Model downloaded", 0},
		{after(3), EventDataAsked, "Downloading training data", 0},
		{after(4), EventDataLoaded, "Data downloaded", 0},
		{after(5), EventTraining, "Training started", 0},
	}
	for n := 1; n <= t.Epochs; n++ {
		at, step := t.part(n, t.Epochs)
		list = append(list, Event{at, EventEpoch, fmt.Sprintf("Epoch %d of %d complete", n, t.Epochs), step})
	}
	steps := t.Steps()
	return append(list,
		Event{t.Trained, EventCheckpoint, "Checkpoint saved", steps},
		Event{t.Trained, EventTrained, "Training complete", steps},
		Event{t.Trained, EventPacking, "Compressing the model", steps},
		Event{t.Saving, EventPacked, "Model compressed", steps},
		Event{t.Saving, EventSaving, "Uploading the model", steps},
		Event{t.Ends, EventSaved, "Model uploaded", steps},
		Event{t.Ends, EventSucceeded, "Job finished", steps},
	)
}

// Events lists what has happened to the training, the oldest first.
func (t *Training) Events(now time.Time) []Event {
	last, closing := t.last(now)
	var list []Event
	for _, event := range t.story() {
		if event.At.After(last) || closing != nil && event.Kind == EventSucceeded {
			break
		}
		list = append(list, event)
	}
	return append(list, closing...)
}

// last is how far the story went, and what ended it otherwise.
func (t *Training) last(now time.Time) (time.Time, []Event) {
	asked := Event{t.Cancelled, EventCancelling, "Cancellation requested", 0}
	switch t.State(now) {
	case TrainingCancelling:
		return t.Cancelled, []Event{asked}
	case TrainingCancelled:
		stopped := Event{t.Cancelled.Add(cancellingFor), EventCancelled, "Job cancelled", 0}
		return t.Cancelled, []Event{asked, stopped}
	case TrainingPaused:
		return t.Paused, nil
	case TrainingFailed:
		return t.Ends, []Event{
			{t.Ends, EventFailed, t.Reason, 0}, {t.Ends, EventRefunded, "The job was refunded", 0},
		}
	case TrainingRejected:
		return t.Ends, []Event{{t.Ends, EventRejected, t.Reason, 0}}
	}
	return now, nil
}
