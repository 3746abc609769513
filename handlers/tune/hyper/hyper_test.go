package hyper

import (
	"testing"

	"dreamlab/tasks"
)

// Datasets of the three sizes have hyper-parameters of their own, and what is given stands.
func TestSized(t *testing.T) {
	t.Parallel()
	for rows, want := range map[int]tasks.Hyper{
		1: {Epochs: 2, LearningRate: 5e-5, Rank: 8, Alpha: 16}, 99: {Epochs: 2, LearningRate: 5e-5, Rank: 8, Alpha: 16},
		0: {Epochs: 3, LearningRate: 1e-4, Rank: 16, Alpha: 32}, 100: {Epochs: 3, LearningRate: 1e-4, Rank: 16, Alpha: 32},
		1_000: {Epochs: 3, LearningRate: 1e-4, Rank: 16, Alpha: 32}, 1_001: {Epochs: 3, LearningRate: 1e-4, Rank: 32, Alpha: 64},
	} {
		if got := Sized(rows); got != want {
			t.Errorf("%d rows: %+v, want %+v", rows, got, want)
		}
	}
	given := tasks.Hyper{Epochs: 7, Multiplier: 2, Seed: 5}
	if got := Fill(given, Sized(50)); got.Epochs != 7 || got.Multiplier != 2 || got.Seed != 5 || got.Rank != 8 {
		t.Errorf("filled %+v", got)
	}
}

// A rank goes down to what a trainer and a place take, with its alpha, and never up.
func TestFit(t *testing.T) {
	t.Parallel()
	for largest, want := range map[int][2]int{0: {32, 64}, 64: {32, 64}, 32: {32, 64}, 16: {16, 32}, 8: {8, 16}} {
		if got := Fit(Sized(5_000), largest); got.Rank != want[0] || got.Alpha != want[1] {
			t.Errorf("at most %d: %+v", largest, got)
		}
	}
}
