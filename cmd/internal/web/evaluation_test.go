package web

import (
	"strings"
	"testing"
)

// The sentence under the plot of a gate claims no more than the numbers show.
func TestSentenceOfGate(t *testing.T) {
	t.Parallel()
	failing := map[string]floorView{"refusals": {Passed: false}}
	for _, tc := range []struct {
		e    evaluationView
		want string
	}{
		{evaluationView{Conversations: 29, WinRate: 0.9, Interval: [2]float64{0.8, 0.97}}, "Too few to decide"},
		{evaluationView{Conversations: 60, WinRate: 0.3, Interval: [2]float64{0.2, 0.4}}, "Worse"},
		{evaluationView{Conversations: 60, WinRate: 0.58, Interval: [2]float64{0.51, 0.65}}, "Not shown to be better"},
		{evaluationView{Conversations: 60, WinRate: 0.58, Interval: [2]float64{0.52, 0.65}}, "Not shown to be better"},
		{evaluationView{Conversations: 60, WinRate: 0.7, Interval: [2]float64{0.6, 0.8}, Floors: failing}, "1 of 1 floors do not hold"},
		{evaluationView{Conversations: 60, WinRate: 0.7, Interval: [2]float64{0.6, 0.8}}, "Better: preferred in 70.0 %"},
	} {
		tc.e.Margin = 0.02
		gate := tc.e.gate()
		if !strings.Contains(gate.Sentence, tc.want) {
			t.Errorf("%v of %d: %s", tc.e.Interval, tc.e.Conversations, gate.Sentence)
		}
		if good := gate.Plot.Marks[0].Good; good != (tc.e.Conversations >= fewest && tc.e.Interval[0] > 0.52) {
			t.Errorf("%v of %d is drawn as good: %v", tc.e.Interval, tc.e.Conversations, good)
		}
	}
}

// A tune's steps are done up to where it is, and no further.
func TestStagesOfTune(t *testing.T) {
	t.Parallel()
	end := int64(1)
	for _, tc := range []struct {
		t    tuneView
		want string
	}{
		{tuneView{Stage: "upload"}, "done done now ahead ahead ahead ahead"},
		{tuneView{Stage: "price", FinishedAt: &end}, "done last ahead ahead ahead ahead ahead"},
		{tuneView{Stage: "done", FinishedAt: &end}, "done done done done done done done"},
	} {
		var states []string
		for _, step := range tc.t.Stages() {
			states = append(states, step.State)
		}
		if got := strings.Join(states, " "); got != tc.want {
			t.Errorf("at %s: %s", tc.t.Stage, got)
		}
	}
}
