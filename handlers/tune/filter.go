package tune

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"dreamlab/handlers/judge"
	"dreamlab/handlers/judge/screen"
	"dreamlab/handlers/tune/mix"
	"dreamlab/handlers/tune/near"
	"dreamlab/handlers/tune/planted"
	"dreamlab/providers"
	"dreamlab/providers/redact"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// The filters of a row, by the names under which a manifest counts what they removed. Those of a dataset as a whole are
// package mix's.
const (
	filterMalformed = "malformed"         // no alternating conversation that ends with an answer
	filterEmpty     = "empty"             // the answer says nothing
	filterUnfit     = "unfit"             // an error's text or a refusal
	filterHole      = "placeholder"       // the answer holds one in the place of personal data
	filterSecret    = "secret"            // a secret or personal data was left in it
	filterLong      = "too_long"          // over the bound of a row
	filterHeldOut   = "held_out"          // its conversation is for evaluations
	filterRepeats   = "in_the_evaluation" // it repeats a held-out conversation
	filterInjection = "injection"         // the answer speaks to a judge, or to a model
	filterWithdrawn = "withdrawn"         // it was withdrawn, or rejected in a review
	filterAlone     = "no_worse_answer"   // it is no pair
	filterSame      = "same_answers"      // both answers of the pair say the same
)

// turn is a message of a training row as Together reads it
// (https://docs.together.ai/docs/fine-tuning-data-preparation).
type turn struct {
	Role    string `json:"role"`
	Content string `json:"content"`
	Weight  *int   `json:"weight,omitempty"` // 0: not learned from
}

// limits bound a dataset.
type limits struct {
	rowTokens int64
	mix       mix.Limits
}

// rowFilter takes examples in and keeps those that a model may learn from.
type rowFilter struct {
	method  tasks.Method
	limits  limits
	heldOut heldOut
	checks  []rowCheck
	askers  map[string]learn.Asker // by experience
	learned map[string]bool        // examples that an earlier examined dataset held
	planted learn.Planted
	blind   string // a filter that let a planted row through; "" for none
	set     *mix.Set
	in      int
}

func newRowFilter(m tasks.Method, l limits, x heldOut) *rowFilter {
	return &rowFilter{
		method: m, limits: l, heldOut: x, checks: rowChecks(), askers: map[string]learn.Asker{}, learned: map[string]bool{},
		set: mix.NewSet(l.mix), planted: learn.Planted{Removed: map[string]int{}},
	}
}

// add passes an example through the filters.
func (s *rowFilter) add(e learn.Example) {
	s.in++
	turns, filter := s.look(e)
	if filter != "" {
		s.set.Removed[filter]++
		return
	}
	r := newRow(e, turns)
	if s.method == tasks.MethodDPO {
		preference(&r, e, turns)
	}
	if r.Asker = s.askers[e.Experience]; r.Imagined {
		r.Asker.Origin = learn.ExampleImagined
	}
	r.Replay = s.learned[e.ID]
	s.set.Add(r)
}

// look reads an example, and names the filter that it does not pass, "" for none.
func (s *rowFilter) look(e learn.Example) (turns []turn, filter string) {
	turns, ok := readTurns(e.Messages)
	if !ok {
		return nil, filterMalformed
	}
	for _, c := range s.checks {
		if c.finds(s, e, turns) {
			return turns, c.filter
		}
	}
	if s.method == tasks.MethodDPO {
		filter = s.unfitPair(e, turns)
	}
	return turns, filter
}

// plant passes rows through the filters that no filter may let pass. They are no rows of the dataset, whatever comes of
// them, and are counted apart.
func (s *rowFilter) plant(rows []planted.Row) {
	for _, r := range rows {
		_, filter := s.look(r.Example)
		s.planted.Rows++
		if filter == "" {
			s.blind = r.Filter
			continue
		}
		s.planted.Removed[filter]++
	}
}

// rowCheck is a filter that looks at what a well-formed example says.
type rowCheck struct {
	filter string
	finds  func(*rowFilter, learn.Example, []turn) bool
}

// rowChecks are tried in their order; the first that finds something names the filter.
func rowChecks() []rowCheck {
	ofAnswer := func(finds func(string) bool) func(*rowFilter, learn.Example, []turn) bool {
		return func(_ *rowFilter, _ learn.Example, turns []turn) bool { return finds(turns[len(turns)-1].Content) }
	}
	return []rowCheck{
		{filterWithdrawn, func(_ *rowFilter, e learn.Example, _ []turn) bool {
			return !e.Withdrawn.IsZero() || e.Review.Verdict == learn.ReviewRejected
		}},
		{filterEmpty, ofAnswer(func(answer string) bool { return strings.TrimSpace(answer) == "" })},
		{filterUnfit, ofAnswer(func(answer string) bool { return judge.Refusal(answer) || judge.ErrorText(answer) })},
		{filterHole, ofAnswer(redact.Placeholder)},
		{filterSecret, func(_ *rowFilter, _ learn.Example, turns []turn) bool {
			return slices.ContainsFunc(turns, func(t turn) bool { return redact.Found(t.Content) })
		}},
		{filterLong, func(s *rowFilter, _ learn.Example, turns []turn) bool { return tokensOf(turns) > s.limits.rowTokens }},
		{filterHeldOut, func(s *rowFilter, e learn.Example, _ []turn) bool { return s.heldOut.experiences[e.Experience] }},
		{filterRepeats, func(s *rowFilter, _ learn.Example, turns []turn) bool { return s.heldOut.holds(turns) }},
		{filterInjection, func(_ *rowFilter, _ learn.Example, turns []turn) bool {
			return screen.Injects(asked(turns), turns[len(turns)-1].Content)
		}},
	}
}

// unfitPair names the filter that an example does not pass which would do as a conversation. What is not
// learned from as an answer is no worse answer either: a model is not taught against refusals.
func (s *rowFilter) unfitPair(e learn.Example, turns []turn) string {
	worse := strings.TrimSpace(e.Rejected)
	switch {
	case worse == "":
		return filterAlone
	case !utf8.ValidString(worse):
		return filterMalformed
	case near.Canonical(worse) == near.Canonical(turns[len(turns)-1].Content):
		return filterSame
	case judge.Refusal(worse), judge.ErrorText(worse):
		return filterUnfit
	case redact.Placeholder(worse):
		return filterHole
	case redact.Found(worse):
		return filterSecret
	case tokensOfPair(turns, worse) > s.limits.rowTokens:
		return filterLong
	}
	return ""
}

// filtered is what passed a rowFilter.
type filtered struct {
	rows     []mix.Row // by content
	manifest learn.Manifest
	file     []byte // JSONL
	blind    string // a filter that let a planted row through; "" for none
}

// splitRule is the split of a dataset in words, for its manifest.
const splitRule = "by conversation: a fifth, by a keyed hash of its first question, is held out and never in a dataset"

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// done returns the rows in the order of their content, as a file, with its manifest.
func (s *rowFilter) done(alias string) filtered {
	out := filtered{rows: s.set.Choose()}
	m := learn.Manifest{
		Alias: alias, Method: string(s.method), Rows: len(out.rows), In: s.in, Removed: s.set.Removed,
		Split: splitRule, Mix: mix.Told(out.rows, s.set.Removed, s.limits.mix), Authors: map[string]int{}, Origins: map[string]int{},
		Planted: s.planted,
	}
	var file bytes.Buffer
	for _, r := range out.rows {
		file.Write(r.Line)
		file.WriteByte('\n')
		m.Tokens += r.Tokens
		m.Authors[r.Author]++
		m.Origins[r.Asker.Origin]++
	}
	sum := sha256.Sum256(file.Bytes())
	out.file, m.SHA256, m.Bytes = file.Bytes(), hex.EncodeToString(sum[:]), int64(file.Len())
	out.manifest, out.blind = m, s.blind
	return out
}

// readTurns reads a row's messages: an optional system message, then users and
// answers in turn, an answer last. It tells whether they are that.
func readTurns(raw json.RawMessage) ([]turn, bool) {
	var messages []providers.Message
	if json.Unmarshal(raw, &messages) != nil {
		return nil, false
	}
	turns := make([]turn, 0, len(messages))
	for _, m := range messages {
		if len(m.ToolCalls) > 0 || m.ToolCallID != "" || !utf8.ValidString(m.Text()) {
			return nil, false
		}
		turns = append(turns, turn{Role: m.Role, Content: strings.TrimSpace(m.Text())})
	}
	return turns, alternating(turns)
}

// asked are the messages before the answer, which is the last turn.
func asked(turns []turn) []providers.Message {
	var messages []providers.Message
	for _, t := range turns[:len(turns)-1] {
		messages = append(messages, providers.TextMessage(t.Role, t.Content))
	}
	return messages
}

func alternating(turns []turn) bool {
	if len(turns) > 0 && turns[0].Role == "system" {
		turns = turns[1:]
	}
	if len(turns) == 0 || len(turns)%2 == 1 {
		return false
	}
	for i, t := range turns {
		want := "user"
		if i%2 == 1 {
			want = "assistant"
		}
		if t.Role != want {
			return false
		}
	}
	return true
}

// newRow writes a row. Only the last answer was judged, so only it is learned.
func newRow(e learn.Example, turns []turn) mix.Row {
	for i := range turns[:len(turns)-1] {
		if turns[i].Role == "assistant" {
			turns[i].Weight = new(int)
		}
	}
	line := plainjson.Of(struct {
		Messages []turn `json:"messages"`
	}{turns})
	var prompt strings.Builder
	for _, t := range turns[:len(turns)-1] {
		prompt.WriteString(t.Role + ": " + t.Content + "\n")
	}
	return mix.Row{
		Digest: digestOf(turns), Example: e.ID, Score: e.Score, Author: e.Author, Tokens: tokensOf(turns),
		Imagined: e.Origin == learn.ExampleImagined,
		Prompt:   prompt.String(), Answer: turns[len(turns)-1].Content, Line: line,
	}
}

// preference makes the row one of preference training: both answers, the better one first, as Together and Azure read
// them (https://platform.openai.com/docs/guides/direct-preference-optimization).
func preference(r *mix.Row, e learn.Example, turns []turn) {
	worse, last := strings.TrimSpace(e.Rejected), len(turns)-1
	prompt := make([]turn, last)
	for i, t := range turns[:last] {
		prompt[i] = turn{Role: t.Role, Content: t.Content}
	}
	r.Tokens = tokensOfPair(turns, worse)
	r.Line = plainjson.Of(struct {
		Input  any    `json:"input"`
		Better []turn `json:"preferred_output"`
		Worse  []turn `json:"non_preferred_output"`
	}{map[string]any{"messages": prompt}, turns[last:], []turn{{Role: "assistant", Content: worse}}})
}

// tokensOfPair counts the prompt with each of both answers: so it is trained on.
func tokensOfPair(turns []turn, worse string) int64 {
	prompt := turns[:len(turns)-1]
	return tokensOf(turns) + tokensOf(prompt) + tokensOf([]turn{{Content: worse}})
}

// tokensOf estimates generously: three bytes a token and a few for each message.
func tokensOf(turns []turn) int64 {
	var n int64
	for _, t := range turns {
		n += int64(len(t.Content)/3 + 4)
	}
	return n
}

// digestOf names turns by their canonical text: Unicode's compatibility forms and
// white space folded, roles marked.
func digestOf(turns []turn) mix.Digest {
	sum := sha256.New()
	for _, t := range turns {
		sum.Write([]byte(t.Role + "\x00" + near.Canonical(t.Content) + "\x00"))
	}
	return mix.Digest(sum.Sum(nil))
}
