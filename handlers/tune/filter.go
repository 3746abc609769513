package tune

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"dreamlab/handlers/judge"
	"dreamlab/handlers/tune/exam"
	"dreamlab/handlers/tune/near"
	"dreamlab/providers"
	"dreamlab/providers/redact"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// The filters of a dataset, by the names under which its manifest counts what
// they removed.
const (
	filterMalformed = "malformed"         // no alternating conversation that ends with an answer
	filterEmpty     = "empty"             // the answer says nothing
	filterUnfit     = "unfit"             // an error's text or a refusal
	filterHole      = "placeholder"       // the answer holds one in the place of personal data
	filterSecret    = "secret"            // a secret or personal data was left in it
	filterLong      = "too_long"          // over the bound of a row
	filterHeldOut   = "held_out"          // its conversation is for evaluations
	filterRepeats   = "in_the_evaluation" // it repeats a held-out conversation
	filterDuplicate = "duplicate"         // the same text with a better or equal score is in
	filterOver      = "over_limit"        // the dataset is full of better rows
	filterNear      = "near_duplicate"
	filterImagined  = "imagined_share"  // its conversation was made up, as those of a share of the rows are
	filterUser      = "user_share"      // its user has more than a share of the rows
	filterKey       = "key_share"       // the API key that it came with has more than a share of the rows
	filterAlone     = "no_worse_answer" // it is no pair
	filterSame      = "same_answers"    // both answers of the pair say the same
)

// digest names a text by its content.
type digest [sha256.Size]byte

// row is an example that passed every filter.
type row struct {
	key     digest
	example string
	asker   learn.Asker
	score   int64
	author  string
	made    bool // its conversation was made up
	tokens  int64
	prompt  string // all that was said before the answer
	answer  string
	line    []byte // JSON, without the line's end
}

// turn is a message of a training row as Together reads it
// (https://docs.together.ai/docs/fine-tuning-data-preparation).
type turn struct {
	Role    string `json:"role"`
	Content string `json:"content"`
	Weight  *int   `json:"weight,omitempty"` // 0: not learned from
}

// limits bound a dataset.
type limits struct {
	rows      int
	rowTokens int64
	userShare int64 // ten-thousandths of the rows that one user may make up; 0: all
	keyShare  int64 // and one API key
}

// rowFilter takes examples in any order and keeps those that a model may learn
// from. What it keeps does not depend on the order.
type rowFilter struct {
	method  tasks.Method
	limits  limits
	heldOut heldOut
	askers  map[string]learn.Asker // by experience
	rows    map[digest]row
	in      int
	removed map[string]int
}

func newRowFilter(m tasks.Method, l limits, x heldOut) *rowFilter {
	return &rowFilter{
		method: m, limits: l, heldOut: x, askers: map[string]learn.Asker{}, rows: map[digest]row{}, removed: map[string]int{},
	}
}

func (s *rowFilter) remove(filter string, n int) { s.removed[filter] += n }

// add passes an example through the filters.
func (s *rowFilter) add(e learn.Example) {
	s.in++
	turns, ok := readTurns(e.Messages)
	if !ok {
		s.remove(filterMalformed, 1)
		return
	}
	filter := s.unfit(e, turns)
	if s.method == tasks.MethodDPO {
		filter = cmp.Or(filter, s.unfitPair(e, turns))
	}
	if filter != "" {
		s.remove(filter, 1)
		return
	}
	r := newRow(e, turns)
	if s.method == tasks.MethodDPO {
		r.pair(e, turns)
	}
	if r.asker = s.askers[e.Experience]; r.made {
		r.asker.Origin = learn.ExampleImagined
	}
	s.keep(r)
	if len(s.rows) > 2*s.limits.rows {
		s.prune()
	}
}

// unfit names the filter that a well-formed example does not pass.
func (s *rowFilter) unfit(e learn.Example, turns []turn) string {
	answer := turns[len(turns)-1].Content
	switch {
	case strings.TrimSpace(answer) == "":
		return filterEmpty
	case judge.Refusal(answer), judge.ErrorText(answer):
		return filterUnfit
	case redact.Placeholder(answer):
		return filterHole
	case slices.ContainsFunc(turns, func(t turn) bool { return redact.Found(t.Content) }):
		return filterSecret
	case tokensOf(turns) > s.limits.rowTokens:
		return filterLong
	case s.heldOut.experiences[e.Experience]:
		return filterHeldOut
	case s.heldOut.holds(turns):
		return filterRepeats
	}
	return ""
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

// keep takes a row in, unless the same text is there with as good a score.
func (s *rowFilter) keep(r row) {
	known, found := s.rows[r.key]
	if found {
		s.remove(filterDuplicate, 1)
	}
	if !found || better(r, known) < 0 {
		s.rows[r.key] = r
	}
}

// better orders rows: the higher score first, then by content and id, so that
// the order in which they came decides nothing.
func better(a, b row) int {
	return cmp.Or(
		cmp.Compare(b.score, a.score), bytes.Compare(a.key[:], b.key[:]), cmp.Compare(a.example, b.example),
	)
}

// prune leaves the best rows.
func (s *rowFilter) prune() {
	kept := slices.SortedFunc(maps.Values(s.rows), better)
	if len(kept) <= s.limits.rows {
		return
	}
	for _, r := range kept[s.limits.rows:] {
		delete(s.rows, r.key)
		s.remove(filterOver, 1)
	}
}

// filtered is what passed a rowFilter.
type filtered struct {
	rows     []row // by content
	manifest learn.Manifest
	file     []byte // JSONL
}

// splitRule is the split of a dataset in words, for its manifest.
const splitRule = "by conversation: a fifth, by a keyed hash of its first question, is held out and never in a dataset"

// dropNear leaves of rows that are alike the best one: rows are taken the best first, and one
// that is like a row taken before goes. The same prompt with another good answer is diversity
// and stays, and so does the same answer to another prompt. It returns how many went.
func dropNear(rows map[digest]row) int {
	taken, gone := near.NewIndex(), 0
	for _, r := range slices.SortedFunc(maps.Values(rows), better) {
		if !taken.Add(near.Text{Main: near.Of(r.prompt), Beside: near.Of(r.answer)}) {
			delete(rows, r.key)
			gone++
		}
	}
	return gone
}

// capShares leaves of each source's rows the best ones, no more than a share of all. 0 leaves all.
func (s *rowFilter) capShares(share int64, filter string, source func(learn.Asker) string) {
	if share <= 0 {
		return
	}
	rows := slices.SortedFunc(maps.Values(s.rows), better)
	sources := make([]string, len(rows))
	for i, r := range rows {
		sources[i] = source(r.asker)
	}
	most, by := exam.Cap(sources, share, len(rows)), map[string]int{}
	for i, r := range rows {
		if by[sources[i]]++; sources[i] != "" && by[sources[i]] > most {
			delete(s.rows, r.key)
			s.remove(filter, 1)
		}
	}
}

// saidPerImagined is how many rows of conversations stand beside one that was made up, at least.
const saidPerImagined = 3

// capImagined leaves the best rows of made-up conversations, no more than a share of all.
func (s *rowFilter) capImagined() {
	var made []row
	for _, r := range s.rows {
		if r.made {
			made = append(made, r)
		}
	}
	slices.SortFunc(made, better)
	most := (len(s.rows) - len(made)) / saidPerImagined
	for _, r := range made[min(most, len(made)):] {
		delete(s.rows, r.key)
		s.remove(filterImagined, 1)
	}
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// done returns the rows in the order of their content, as a file, with its manifest.
func (s *rowFilter) done(alias string, seed int64) filtered {
	s.prune()
	if gone := dropNear(s.rows); gone > 0 {
		s.remove(filterNear, gone)
	}
	s.capShares(s.limits.userShare, filterUser, func(a learn.Asker) string { return a.User })
	s.capShares(s.limits.keyShare, filterKey, func(a learn.Asker) string { return a.Key })
	s.capImagined()
	out := filtered{rows: slices.SortedFunc(maps.Values(s.rows), func(a, b row) int {
		return bytes.Compare(a.key[:], b.key[:])
	})}
	m := learn.Manifest{
		Alias: alias, Method: string(s.method), Rows: len(out.rows), In: s.in, Removed: s.removed,
		Split: splitRule, Seed: seed, Authors: map[string]int{}, Origins: map[string]int{},
	}
	var file bytes.Buffer
	for _, r := range out.rows {
		file.Write(r.line)
		file.WriteByte('\n')
		m.Tokens += r.tokens
		m.Authors[r.author]++
		m.Origins[r.asker.Origin]++
	}
	sum := sha256.Sum256(file.Bytes())
	out.file, m.SHA256, m.Bytes = file.Bytes(), hex.EncodeToString(sum[:]), int64(file.Len())
	out.manifest = m
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
func newRow(e learn.Example, turns []turn) row {
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
	return row{
		key: keyOf(turns), example: e.ID, score: e.Score, author: e.Author, tokens: tokensOf(turns),
		made:   e.Origin == learn.ExampleImagined,
		prompt: prompt.String(), answer: turns[len(turns)-1].Content, line: line,
	}
}

// pair makes the row one of preference training: both answers, the better one first, as Together and Azure read
// them (https://platform.openai.com/docs/guides/direct-preference-optimization).
func (r *row) pair(e learn.Example, turns []turn) {
	worse, last := strings.TrimSpace(e.Rejected), len(turns)-1
	prompt := make([]turn, last)
	for i, t := range turns[:last] {
		prompt[i] = turn{Role: t.Role, Content: t.Content}
	}
	r.tokens = tokensOfPair(turns, worse)
	r.line = plainjson.Of(struct {
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

// keyOf names turns by their canonical text: Unicode's compatibility forms and
// white space folded, roles marked.
func keyOf(turns []turn) digest {
	sum := sha256.New()
	for _, t := range turns {
		sum.Write([]byte(t.Role + "\x00" + near.Canonical(t.Content) + "\x00"))
	}
	return digest(sum.Sum(nil))
}
