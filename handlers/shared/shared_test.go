package shared_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dreamlab/handlers/judge"
	"dreamlab/handlers/judge/check"
	"dreamlab/handlers/shared"
	"dreamlab/providers"
	"dreamlab/providers/sandbox/model"
)

func question(t *testing.T, system string, n int) providers.Request {
	t.Helper()
	messages := []providers.Message{providers.TextMessage("user", fmt.Sprintf("When do you open on day %d?", n))}
	if system != "" {
		messages = append([]providers.Message{providers.TextMessage("system", system)}, messages...)
	}
	prompt, err := json.Marshal(messages)
	if err != nil {
		t.Fatal(err)
	}
	request, err := judge.Request(judge.Case{
		Prompt: prompt, First: fmt.Sprintf("We open at nine on day %d.", n), Second: "Bananas are yellow.",
	})
	if err != nil {
		t.Fatal(err)
	}
	return request
}

func filled(t rapid.TB, r providers.Request) *providers.Reply {
	t.Helper()
	var form struct {
		JSONSchema struct{ Schema json.RawMessage } `json:"json_schema"`
	}
	if err := json.Unmarshal(r.ResponseFormat, &form); err != nil {
		t.Fatal(err)
	}
	said, err := model.Fill(form.JSONSchema.Schema, r.Messages[1].Text())
	if err != nil {
		t.Fatal(err)
	}
	return &providers.Reply{Content: string(said), Finish: "stop", Usage: providers.Usage{Input: 1000, Output: 101}}
}

// Questions that are asked together get the verdicts that each gets alone, and what they share is sent once.
func TestJoinedVerdictsAreThoseAlone(t *testing.T) {
	t.Parallel()
	for _, system := range []string{"", "You sell \"tea\" {and} bread."} {
		var requests []providers.Request
		var sizes []int64
		alone := 0
		for n := range 4 {
			requests = append(requests, question(t, system, n))
			sizes = append(sizes, int64(100+n))
			alone += len(requests[n].Messages[0].Text()) + len(requests[n].Messages[1].Text())
		}
		joined, err := shared.Join(requests)
		if err != nil || shared.Key(joined) == "" || shared.Key(joined) == shared.Key(requests[0]) {
			t.Fatalf("%v", err)
		}
		if size := len(joined.Messages[0].Text()) + len(joined.Messages[1].Text()); 2*size > alone || !json.Valid([]byte(joined.Messages[1].Text())) {
			t.Errorf("%d bytes together, %d alone: %s", size, alone, joined.Messages[1].Text())
		}
		reply := filled(t, joined)
		input := int64(0)
		for i, part := range shared.Split(reply, sizes) {
			got, err := judge.Parse(part)
			want, wantErr := judge.Parse(filled(t, requests[i]))
			if err != nil || wantErr != nil || got != want {
				t.Errorf("case %d: %+v, alone %+v (%v, %v)", i, got, want, err, wantErr)
			}
			input += part.Usage.Input
		}
		if input != 1000 {
			t.Errorf("the parts have %d tokens of 1000", input)
		}
	}
}

// The verdicts on the pairs by which judges are measured are the same, six at a time, as alone.
func TestOwnPairsTogether(t *testing.T) {
	t.Parallel()
	pairs, err := check.Own()
	if err != nil {
		t.Fatal(err)
	}
	for some := range slices.Chunk(pairs, 6) {
		var requests []providers.Request
		for _, pair := range some {
			prompt, err := json.Marshal([]providers.Message{providers.TextMessage("user", pair.Question)})
			if err != nil {
				t.Fatal(err)
			}
			request, err := judge.Request(judge.Case{Prompt: prompt, First: pair.Better, Second: pair.Worse})
			if err != nil {
				t.Fatal(err)
			}
			requests = append(requests, request)
		}
		joined, err := shared.Join(requests)
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range shared.Split(filled(t, joined), make([]int64, len(some))) {
			got, err := judge.Parse(part)
			want, wantErr := judge.Parse(filled(t, requests[i]))
			if err != nil || wantErr != nil || got != want {
				t.Errorf("%s: %+v, alone %+v (%v, %v)", some[i].Question, got, want, err, wantErr)
			}
		}
	}
}

// Only questions of one form, with one instruction and one standard, can be joined.
func TestKey(t *testing.T) {
	t.Parallel()
	plain, other := question(t, "", 1), question(t, "", 2)
	tea, bread := question(t, "Sell tea.", 1), question(t, "Sell bread.", 1)
	if shared.Key(plain) == "" || shared.Key(plain) != shared.Key(other) {
		t.Error("two questions of one form have different keys")
	}
	if shared.Key(tea) == shared.Key(bread) || shared.Key(tea) == shared.Key(plain) {
		t.Error("questions with different standards have one key")
	}
	warm := plain
	warm.MaxTokens++
	free := plain
	free.ResponseFormat = nil
	if shared.Key(warm) == shared.Key(plain) || shared.Key(free) != "" {
		t.Error("questions with other settings have the same key, or one without a form has a key")
	}
}

// A case that an answer leaves out, answers twice or declines has no answer; the others have theirs.
func TestSplit(t *testing.T) {
	t.Parallel()
	const first, third = `{"case":"case_1","x":1}`, `{"case":" Case_3 ","x":3}`
	for name, c := range map[string]struct {
		content string
		want    [3]string
	}{
		"all but one":     {`{"answers":[` + third + `,` + first + `]}`, [3]string{first, "", third}},
		"one twice":       {`{"answers":[` + first + `,` + third + `,` + first + `]}`, [3]string{"", "", third}},
		"in a fence":      {"Here:\n```json\n{\"answers\":[" + first + "]}\n```", [3]string{first, "", ""}},
		"a stranger":      {`{"answers":[{"case":"case_9"},7,` + first + `]}`, [3]string{first, "", ""}},
		"cut":             {`{"answers":[` + first, [3]string{}},
		"another form":    {`{"answers":"none"}`, [3]string{}},
		"nothing, at all": {``, [3]string{}},
	} {
		parts := shared.Split(&providers.Reply{Content: c.content, Finish: "stop"}, []int64{1, 1, 1})
		for i, part := range parts {
			if part.Content != c.want[i] {
				t.Errorf("%s: case %d is %q, want %q", name, i+1, part.Content, c.want[i])
			}
		}
	}
}

// Parts of a sum come to the sum, whatever the sizes.
func TestParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sum         int64
		sizes, want []int64
	}{
		{10, []int64{1, 1, 1}, []int64{3, 3, 4}}, {0, []int64{5, 6}, []int64{0, 0}}, {7, []int64{0, 0}, []int64{3, 4}},
		{1_000_000_007, []int64{1, 3}, []int64{250_000_001, 750_000_006}}, {9, []int64{4}, []int64{9}},
	} {
		if got := shared.Parts(c.sum, c.sizes); !slices.Equal(got, c.want) {
			t.Errorf("%d by %v: %v, want %v", c.sum, c.sizes, got, c.want)
		}
	}
}

// Groups are even, hold no two questions about one thing, no more than a vendor's least number of lines allows, and
// no more bytes than a request may have.
func TestGroups(t *testing.T) {
	t.Parallel()
	all := func(n int, change func(i int, q *shared.Question)) []shared.Question {
		out := make([]shared.Question, n)
		for i := range out {
			out[i] = shared.Question{Key: "k", Size: 100}
			if change != nil {
				change(i, &out[i])
			}
		}
		return out
	}
	for _, c := range []struct {
		name   string
		all    []shared.Question
		fewest int
		want   string
	}{
		{"none", nil, 1, "[]"},
		{"one", all(1, nil), 1, "[[0]]"},
		{"even", all(8, nil), 0, "[[0 1 2 3] [4 5 6 7]]"},
		{"by key", all(4, func(i int, q *shared.Question) { q.Key = fmt.Sprint(i % 2) }), 1, "[[0 2] [1 3]]"},
		{"alone", all(3, func(i int, q *shared.Question) { q.Key = [3]string{"k", "", "k"}[i] }), 1, "[[1] [0 2]]"},
		{"about one thing", all(4, func(i int, q *shared.Question) { q.About = [4]string{"a", "a", "b", ""}[i] }), 1, "[[0 2 3] [1]]"},
		{"at least so many lines", all(10, nil), 5, "[[0 1] [2 3] [4 5] [6 7] [8 9]]"},
		{"more lines than questions", all(3, nil), 100, "[[0] [1] [2]]"},
		{"which begin alike", all(9, func(i int, q *shared.Question) {
			q.Text = strings.Repeat([3]string{"a", "b", "c"}[i%3], 1200) + fmt.Sprint(i)
		}), 1, "[[0 3 6] [1 4 7] [2 5 8]]"},
		{"of one conversation", all(3, func(i int, q *shared.Question) {
			q.About, q.Text = [3]string{"x", "x", "y"}[i], strings.Repeat([3]string{"a", "a", "b"}[i], 1200)
		}), 1, "[[0 2] [1]]"},
		{"one goes on where another ends", all(3, func(i int, q *shared.Question) { q.Text = [3]string{"[a", "[a,b", "[ab"}[i] }), 1, "[[0 2] [1]]"},
		{"too large", all(3, func(_ int, q *shared.Question) { q.Size = 20 << 10 }), 1, "[[0 1] [2]]"},
	} {
		if got := fmt.Sprint(shared.Groups(c.all, c.fewest)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
