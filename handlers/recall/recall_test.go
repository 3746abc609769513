package recall

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dreamlab/store/learn"
)

func titles(lessons []learn.Lesson) (out []string) {
	for _, l := range lessons {
		out = append(out, l.Title)
	}
	return out
}

// TestFit ranks lessons by what they share with a conversation: what applies always comes last,
// and what has nothing to do with it not at all.
func TestFit(t *testing.T) {
	t.Parallel()
	lessons := []learn.Lesson{
		{Title: "polite", Text: "Thank people", Weight: 2000},
		{Title: "refund", Applies: "a refund is asked for", Text: "Ask for the receipt before the refund", Weight: 1000},
		{Title: "size", Applies: "coffee is ordered", Text: "Ask for the size of the coffee", Weight: 1000},
		{Title: "milk", Applies: "coffee is ordered", Text: "Offer oat milk", Weight: 1000},
		{Title: "退款", Applies: "客户要求退款", Text: "先询问订单号", Weight: 1000},
	}
	for asked, want := range map[string][]string{
		"What size is the large coffee?":    {"size", "milk", "polite"},
		"I want a refund for the toaster":   {"refund", "polite"},
		"Who are you?":                      {"polite"},
		"我想退款":                              {"退款", "polite"},
		"What is the capital of Australia?": {"polite"},
	} {
		if got := titles(Fit(lessons, asked)); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", asked, got, want)
		}
	}
}

func TestFitKeepsToItsBudget(t *testing.T) {
	t.Parallel()
	var lessons []learn.Lesson
	for i := range 50 {
		lessons = append(lessons, learn.Lesson{Text: fmt.Sprintf("coffee %d %s", i, strings.Repeat("word ", 20*(i%5)))})
	}
	got := Fit(lessons, "coffee")
	if front := Front(got); len(got) == 0 || len(got) > maxLessons || len(front) > maxBytes+100 {
		t.Errorf("%d lessons in %d bytes", len(got), len(front))
	}
	if Front(nil) != "" {
		t.Error("no lesson is no message")
	}
}
