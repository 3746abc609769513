package dream

import (
	"cmp"
	"slices"

	"dreamlab/store/learn"
)

// How a memory grows and forgets. Weights are thousandths.
const (
	weightNew = 1000
	maxWeight = 5000
	minWeight = 200 // a lesson that weighs less is forgotten
	decayNum  = 9   // what was not confirmed keeps nine tenths
	decayDen  = 10
)

// merge brings new lessons into a memory. What says the same, or nearly, is
// one lesson that rests on the sources of both and weighs more; what was not
// said again weighs less; the heaviest stay. Nothing given is changed.
func merge(old []learn.Lesson, fresh []learn.Reflection, limit int) []learn.Lesson {
	merged := make([]learn.Lesson, len(old), len(old)+len(fresh))
	copy(merged, old)
	said := make([]bool, len(old), cap(merged))
	for _, r := range fresh {
		at := slices.IndexFunc(merged, func(l learn.Lesson) bool { return alike(l.Text, r.Lesson) })
		if at < 0 {
			merged = append(merged, learn.Lesson{
				Text: r.Lesson, Reflections: []string{r.ID}, Sources: r.Sources, Weight: weightNew,
			})
			said = append(said, true)
			continue
		}
		merged[at] = join(merged[at], r)
		said[at] = true
	}
	for i := range merged {
		if !said[i] {
			merged[i].Weight = merged[i].Weight * decayNum / decayDen
		}
	}
	merged = slices.DeleteFunc(merged, func(l learn.Lesson) bool { return l.Weight < minWeight })
	slices.SortStableFunc(merged, func(a, b learn.Lesson) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.Text, b.Text))
	})
	return merged[:min(len(merged), limit)]
}

// join takes the newer words: they supersede the older.
func join(l learn.Lesson, r learn.Reflection) learn.Lesson {
	return learn.Lesson{
		Text: r.Lesson, Reflections: union(l.Reflections, []string{r.ID}), Sources: union(l.Sources, r.Sources),
		Weight: min(l.Weight+weightNew, maxWeight),
	}
}

func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
