package exam

import (
	"fmt"
	"slices"
	"testing"
)

// pool makes conversations of some turns each, every fifth of one user, on subjects that differ.
func pool(conversations, turns int) []Candidate {
	var all []Candidate
	for i := range conversations {
		context := ""
		for turn := range turns {
			context += fmt.Sprintf("%s question %d-%d of my %s from %s ", word(7*i+turn), i, turn, word(i), word(i*i+3))
			all = append(all, Candidate{
				Experience: fmt.Sprintf("exp_%d_%d", i, turn), Conversation: fmt.Sprint(i), User: fmt.Sprint("user ", i%5),
				Turn: turn + 1, First: "about my " + word(i%12), Context: context,
			})
		}
	}
	return all
}

// word is a word for each number.
func word(n int) string { return fmt.Sprintf("w%xord%d", n*2654435761%65536, n) }

func TestPapersAreOfConversations(t *testing.T) {
	t.Parallel()
	papers := Draw{Seed: 1, Limit: 40, UserShare: 2_500}.Papers(pool(100, 6))
	seen, turns, first := map[string]int{}, map[int]int{}, map[string]int{}
	for _, p := range papers {
		seen[p.Conversation]++
		turns[p.Turn]++
		first[p.First]++
		if seen[p.Conversation] > 1 {
			t.Errorf("conversation %s stands twice", p.Conversation)
		}
	}
	if len(papers) != 40 || len(turns) != 6 {
		t.Errorf("%d papers of turns %v", len(papers), turns)
	}
	if len(first) < 11 {
		t.Errorf("topics %v", first)
	}
}

func TestPapersAreDrawnAgain(t *testing.T) {
	t.Parallel()
	all := pool(60, 3)
	draw := Draw{Seed: 5, Limit: 30, UserShare: 2_500}
	papers := draw.Papers(all)
	slices.Reverse(all)
	if again := draw.Papers(all); !slices.Equal(papers, again) {
		t.Error("another order of the candidates gave other papers")
	}
	draw.Seed = 6
	if other := draw.Papers(all); slices.Equal(papers, other) {
		t.Error("another seed gave the same papers")
	}
}

// The same conversation under 200 ids is one paper, and so are variants that differ in a word.
func TestOneConversationNeverStandsTwice(t *testing.T) {
	t.Parallel()
	all := pool(40, 2)
	const story = "good morning I ordered a green teapot on monday and it has not come yet so where is it now my name is "
	for i := range 200 {
		all = append(all, Candidate{Experience: fmt.Sprint("copy_", i), Conversation: fmt.Sprint("copy ", i), Turn: 1,
			First: story, Context: story + fmt.Sprint("Anna", i%5)})
	}
	copies := 0
	for _, p := range (Draw{Seed: 1, Limit: 200, UserShare: 10_000}).Papers(all) {
		copies += one(p.First == story)
	}
	if copies != 1 {
		t.Errorf("one conversation stands %d times", copies)
	}
}

// No user makes up more than a quarter, unless they are fewer than four.
func TestUsersAreCapped(t *testing.T) {
	t.Parallel()
	users := func(counts ...int) (list []string) {
		for user, n := range counts {
			list = append(list, slices.Repeat([]string{fmt.Sprint(user)}, n)...)
		}
		return list
	}
	nobody := slices.Repeat([]string{""}, 54)
	for name, c := range map[string]struct {
		users []string
		want  int
	}{
		"alone":             {users(80), 1000},
		"two":               {users(80, 20), 20},
		"one owns most":     {users(80, 5, 5, 5, 5), 6},
		"one among unnamed": {append(users(200), nobody...), 18},
		"equal":             {users(10, 10, 10, 10, 10), 12},
		"nobody":            {nobody, 13},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Cap(c.users, 2_500, 1000); got != c.want {
				t.Errorf("cap %d, want %d", got, c.want)
			}
		})
	}
}
