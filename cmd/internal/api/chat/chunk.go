package chat

import (
	"fmt"

	"dreamlab/providers/completion"
)

// chunksOf turns a stored completion into the events of a stream.
func chunksOf(body []byte, usage bool) ([][]byte, error) {
	cut, err := completion.Chunks(body, "dreamlab")
	if err != nil {
		return nil, fmt.Errorf("read stored answer: %w", err)
	}
	events := [][]byte{cut.Says, cut.Ends}
	if usage {
		events = append(events, cut.Counted)
	}
	if cut.Ours != nil {
		last := len(events) - 1
		events[last] = completion.With(events[last], "dreamlab", cut.Ours)
	}
	return append(events, []byte("[DONE]")), nil
}
