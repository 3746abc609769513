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
	decayNum  = 9   // what fitted no chat, while others did, keeps nine tenths
	decayDen  = 10
)

// How a new lesson stands to one of the memory.
const (
	same        = "same"
	contradicts = "contradicts"
	different   = "different"
)

// merger brings new lessons into a memory.
type merger struct {
	// relations are what the lead model said of a new lesson and one of the memory, by the ids of
	// both. Those that it was not asked about are different, unless they are alike word for word.
	relations map[pair]string
	meaning   meaning
	uses      map[string]learn.LessonUse // by lesson
	limit     int
}

type pair struct{ fresh, old string }

// merge makes the lessons of the next version. What means the same is one lesson that rests on
// the sources of both and weighs more; what a new lesson contradicts goes; what its use shows not
// to pay goes, too; what fits no chat weighs less; the heaviest stay, of equals the newest.
// Nothing given is changed.
func (m merger) merge(old []learn.Lesson, fresh []learn.Reflection) []learn.Lesson {
	merged := make([]learn.Lesson, 0, len(old)+len(fresh))
	for _, l := range old {
		if m.pays(l) && !m.superseded(l, fresh) {
			merged = append(merged, m.decayed(l, fresh))
		}
	}
	for _, r := range fresh {
		at := slices.IndexFunc(merged, func(l learn.Lesson) bool { return m.means(l, r) })
		if at < 0 {
			merged = append(merged, lessonOf(r))
			continue
		}
		merged[at] = join(merged[at], r)
	}
	merged = slices.DeleteFunc(merged, func(l learn.Lesson) bool { return l.Weight < minWeight })
	slices.SortStableFunc(merged, func(a, b learn.Lesson) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), cmp.Compare(b.ID(), a.ID()))
	})
	return merged[:min(len(merged), m.limit)]
}

func lessonOf(r learn.Reflection) learn.Lesson {
	return learn.Lesson{
		Title: r.Title, Applies: r.Applies, Text: r.Lesson, Reflections: []string{r.ID}, Sources: r.Sources,
		Weight: weightNew, Helped: r.Helped, Harmed: r.Harmed,
	}
}

// means tells whether a lesson means what a new one says.
func (m merger) means(l learn.Lesson, r learn.Reflection) bool {
	return m.meaning.alike(l.Text, r.Lesson) || m.relations[pair{r.ID, l.ID()}] == same
}

// superseded tells whether a new lesson contradicts it.
func (m merger) superseded(l learn.Lesson, fresh []learn.Reflection) bool {
	return slices.ContainsFunc(fresh, func(r learn.Reflection) bool {
		return m.relations[pair{r.ID, l.ID()}] == contradicts && !m.meaning.alike(l.Text, r.Lesson)
	})
}

// A lesson does not pay where users like the chats without it better by this margin, in
// hundredths of a rating, over so many rated chats of both kinds.
const (
	fewRated    = 20
	noPayMargin = 5
)

func (m merger) pays(l learn.Lesson) bool {
	u := m.uses[l.ID()]
	if u.ShownRated < fewRated || u.LeftRated < fewRated {
		return true
	}
	return u.LeftSum*100/u.LeftRated-u.ShownSum*100/u.ShownRated < noPayMargin
}

// decayed weighs a lesson less that was not said again, and fitted no chat while others did.
func (m merger) decayed(l learn.Lesson, fresh []learn.Reflection) learn.Lesson {
	said := slices.ContainsFunc(fresh, func(r learn.Reflection) bool { return m.means(l, r) })
	if !said && m.used() && m.uses[l.ID()].Recent == 0 {
		l.Weight = l.Weight * decayNum / decayDen
	}
	return l
}

// used tells whether any lesson fitted a chat since the version before.
func (m merger) used() bool {
	for _, u := range m.uses {
		if u.Recent > 0 {
			return true
		}
	}
	return false
}

// join takes the newer words: they supersede the older. The lesson keeps its name.
func join(l learn.Lesson, r learn.Reflection) learn.Lesson {
	fresh := lessonOf(r)
	fresh.Reflections = append(slices.Clone(l.Reflections), r.ID)
	fresh.Sources = union(l.Sources, r.Sources)
	fresh.Weight = min(l.Weight+weightNew, maxWeight)
	fresh.Helped, fresh.Harmed = l.Helped+r.Helped, l.Harmed+r.Harmed
	return fresh
}

func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
