// Package hyper chooses the hyper-parameters of trainings by the size of their datasets, within what trainers and places
// take.
package hyper

import (
	"cmp"

	"dreamlab/tasks"
)

// Sizes of datasets, in rows.
const (
	few  = 100
	many = 1_000
)

// Least is the smallest rank of an adapter that is trained.
const Least = 8

// Sized are the hyper-parameters for so many rows, where 0 is a number that is not known. Few rows are learned by heart
// soon: they get a small adapter, two epochs and half the learning rate. Many are worth a large adapter. The steps are
// those of Google's table for tuning with adapters (https://github.com/google/skills).
func Sized(rows int) tasks.Hyper {
	switch {
	case rows > 0 && rows < few:
		return tasks.Hyper{Epochs: 2, LearningRate: 5e-5, Rank: Least, Alpha: 2 * Least}
	case rows > many:
		return tasks.Hyper{Epochs: 3, LearningRate: 1e-4, Rank: 32, Alpha: 64}
	}
	return tasks.Hyper{Epochs: 3, LearningRate: 1e-4, Rank: 16, Alpha: 32}
}

// Fill takes from others what is not given.
func Fill(h, defaults tasks.Hyper) tasks.Hyper {
	h.Epochs = cmp.Or(h.Epochs, defaults.Epochs)
	h.BatchSize = cmp.Or(h.BatchSize, defaults.BatchSize)
	h.LearningRate = cmp.Or(h.LearningRate, defaults.LearningRate)
	h.Multiplier = cmp.Or(h.Multiplier, defaults.Multiplier, 1)
	h.Rank = cmp.Or(h.Rank, defaults.Rank)
	h.Alpha = cmp.Or(h.Alpha, defaults.Alpha)
	h.Seed = cmp.Or(h.Seed, defaults.Seed, 1)
	h.Beta = cmp.Or(h.Beta, defaults.Beta)
	return h
}

// Fit takes the rank down to the largest that is taken, and alpha with it; 0 bounds nothing.
func Fit(h tasks.Hyper, largest int) tasks.Hyper {
	if largest > 0 && h.Rank > largest {
		h.Rank, h.Alpha = largest, h.Alpha*largest/h.Rank
	}
	return h
}
