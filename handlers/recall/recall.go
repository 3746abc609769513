// Package recall picks the lessons of a memory that fit a conversation, and puts them into words
// for the model that answers it. It calls nobody and stores nothing.
package recall

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"dreamlab/providers"
	"dreamlab/store/learn"
)

// What of a memory stands in front of a conversation, at most: each chat pays for it.
const (
	maxLessons = 6
	maxBytes   = 1600 // about 400 tokens
)

// tellingWord is from how many letters on a word tells what a text is about. Pairs of letters of
// scripts without spaces always do.
const tellingWord = 4

// fitting is a lesson with how well it fits.
type fitting struct {
	lesson learn.Lesson
	score  float64
}

// Fit returns the few lessons that fit a conversation, the best first: those that share telling
// words with it, rare ones before common ones, then those that apply always.
func Fit(lessons []learn.Lesson, conversation string) []learn.Lesson {
	asked := telling(conversation)
	about := make([]map[string]bool, len(lessons))
	held := map[string]int{} // by how many lessons a word is held
	for i, l := range lessons {
		about[i] = telling(l.Full())
		for term := range about[i] {
			held[term]++
		}
	}
	var ranked []fitting
	for i, l := range lessons {
		score := 0.0
		for term := range about[i] {
			if asked[term] {
				score += math.Log1p(float64(len(lessons)) / float64(held[term]))
			}
		}
		if score > 0 || l.Applies == "" {
			ranked = append(ranked, fitting{l, score / math.Sqrt(float64(max(len(about[i]), 1)))})
		}
	}
	slices.SortStableFunc(ranked, func(a, b fitting) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(b.lesson.Weight, a.lesson.Weight))
	})
	return within(ranked)
}

// within leaves what the budget has room for.
func within(ranked []fitting) []learn.Lesson {
	var out []learn.Lesson
	room := maxBytes
	for _, f := range ranked {
		if size := len(instruction(f.lesson)); size <= room && len(out) < maxLessons {
			out, room = append(out, f.lesson), room-size
		}
	}
	return out
}

func telling(text string) map[string]bool {
	set, _ := terms(text)
	for term := range set {
		if utf8.RuneCountInString(term) < tellingWord && !strings.ContainsFunc(term, isUnspaced) {
			delete(set, term)
		}
	}
	return set
}

// instruction is a lesson as a model is told it: when, then what.
func instruction(l learn.Lesson) string {
	if l.Applies == "" {
		return l.Text
	}
	return l.Applies + ": " + l.Text
}

// Said is what users say in messages: what lessons are chosen by.
func Said(messages []providers.Message) string {
	var out strings.Builder
	for _, m := range messages {
		if m.Role == "user" {
			out.WriteString(m.Text() + "\n")
		}
	}
	return out.String()
}

// Front is the message that stands in front of a conversation, "" without a lesson.
func Front(lessons []learn.Lesson) string {
	if len(lessons) == 0 {
		return ""
	}
	var out strings.Builder
	out.WriteString("What earlier conversations taught:\n")
	for _, l := range lessons {
		out.WriteString("- " + instruction(l) + "\n")
	}
	return out.String()
}
