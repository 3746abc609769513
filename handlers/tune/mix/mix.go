// Package mix chooses which of the rows that a model may learn from make up a dataset: one of rows that say the same,
// of each user and key no more than a share, and new rows and old ones in a measure.
//
// Each tune starts from its base, so that what a dataset does not hold is forgotten. Rows that an earlier examined
// dataset held are therefore replayed beside the new ones. Which of them is drawn: a store that discards at random keeps
// skills almost as well as one that keeps all (https://arxiv.org/abs/1811.11682).
package mix

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"

	"dreamlab/handlers/tune/exam"
	"dreamlab/handlers/tune/near"
	"dreamlab/store/learn"
)

// The names under which a manifest counts the rows that were not chosen.
const (
	Duplicate = "duplicate"      // the same text with a better or equal score is in
	Over      = "over_limit"     // the dataset is full of better rows
	Replay    = "replay_share"   // an earlier dataset held it, and others of its kind are replayed
	Near      = "near_duplicate" // it is like a better row
	Imagined  = "imagined_share" // its conversation was made up, as those of a share of the rows are
	User      = "user_share"     // its user has more than a share of the rows
	Key       = "key_share"      // the API key that it came with has more than a share of the rows
)

// Digest names a text by its content.
type Digest [sha256.Size]byte

// Row is an example that may be learned from.
type Row struct {
	Digest   Digest
	Example  string
	Asker    learn.Asker
	Score    int64 // thousandths
	Author   string
	Imagined bool // its conversation was made up
	Replay   bool // an earlier examined dataset held it
	Tokens   int64
	Prompt   string // all that was said before the answer
	Answer   string
	Line     []byte // JSON, without the line's end

	ticket uint64 // its place in the draw of replayed rows
}

// Limits bound a dataset. Shares are in ten-thousandths of its rows.
type Limits struct {
	Rows        int
	UserShare   int64 // of one user; 0: all
	KeyShare    int64 // of one API key; 0: all
	ReplayShare int64 // of rows that are replayed; 0: all
	Seed        int64 // of the draw
}

// Set takes rows in and chooses of them. What it chooses does not depend on the order in which they come, but
// for a new row that says what an old one behind it says, where there are more rows than the limit.
type Set struct {
	Removed map[string]int // by the name of what removed them
	Rows    map[Digest]Row

	limits  Limits
	learned map[Digest]bool // texts that an earlier examined dataset held
}

// NewSet returns a set that has no rows.
func NewSet(l Limits) *Set {
	return &Set{Removed: map[string]int{}, Rows: map[Digest]Row{}, limits: l, learned: map[Digest]bool{}}
}

// Add takes a row in, unless the same text is there with as good a score.
func (s *Set) Add(r Row) {
	if r.Replay {
		s.learned[r.Digest] = true
	}
	known, found := s.Rows[r.Digest]
	if found {
		s.Removed[Duplicate]++
	}
	if found && better(known, r) <= 0 {
		r = known
	}
	r.Replay, r.ticket = s.learned[r.Digest], ticket(s.limits.Seed, r.Digest[:])
	s.Rows[r.Digest] = r
	if len(s.Rows) > 3*s.limits.Rows {
		s.prune()
	}
}

// ticket is drawn for a text by a seed.
func ticket(seed int64, text []byte) uint64 {
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, uint64(seed)), text...))
	return binary.BigEndian.Uint64(sum[:])
}

// better orders rows: the higher score first, then by content and id, so that the order in which they came decides
// nothing.
func better(a, b Row) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), bytes.Compare(a.Digest[:], b.Digest[:]), cmp.Compare(a.Example, b.Example))
}

// drawn orders rows by the draw.
func drawn(a, b Row) int { return cmp.Or(cmp.Compare(a.ticket, b.ticket), better(a, b)) }

// Choose leaves the rows of the dataset, and returns them in the order of their content.
func (s *Set) Choose() []Row {
	s.prune()
	s.dropNear()
	s.caps()
	for s.mix() { // fewer rows: what was within a share may not be any more
		s.caps()
	}
	return slices.SortedFunc(maps.Values(s.Rows), func(a, b Row) int { return bytes.Compare(a.Digest[:], b.Digest[:]) })
}

// drop removes rows.
func (s *Set) drop(name string, rows []Row) {
	for _, r := range rows {
		delete(s.Rows, r.Digest)
	}
	if len(rows) > 0 {
		s.Removed[name] += len(rows)
	}
}

// part returns the rows that are replayed or those that are not, in order.
func (s *Set) part(replay bool, order func(a, b Row) int) []Row {
	var rows []Row
	for _, r := range s.Rows {
		if r.Replay == replay {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, order)
	return rows
}

// prune leaves as many new rows as the dataset has room for, the best, and as many old ones, drawn.
func (s *Set) prune() {
	s.drop(Over, rest(s.part(false, better), s.limits.Rows))
	s.drop(Replay, rest(s.part(true, drawn), s.limits.Rows))
}

// rest are the rows behind the first n.
func rest(rows []Row, n int) []Row { return rows[min(n, len(rows)):] }

// dropNear leaves of rows that are alike the best one: rows are taken the best first, and one that is like a row taken
// before goes. The same prompt with another good answer is diversity and stays, and so does the same answer to another
// prompt.
func (s *Set) dropNear() {
	taken, gone := near.NewIndex(), []Row(nil)
	for _, r := range slices.SortedFunc(maps.Values(s.Rows), better) {
		if !taken.Add(near.Text{Main: near.Of(r.Prompt), Beside: near.Of(r.Answer)}) {
			gone = append(gone, r)
		}
	}
	s.drop(Near, gone)
}

// caps holds the shares of users, keys and what was made up.
func (s *Set) caps() {
	s.capShares(s.limits.UserShare, User, func(a learn.Asker) string { return a.User })
	s.capShares(s.limits.KeyShare, Key, func(a learn.Asker) string { return a.Key })
	s.capImagined()
}

// capShares leaves of each source's rows the best ones, no more than a share of all. 0 leaves all.
func (s *Set) capShares(share int64, name string, source func(learn.Asker) string) {
	if share <= 0 {
		return
	}
	rows := slices.SortedFunc(maps.Values(s.Rows), better)
	sources := make([]string, len(rows))
	for i, r := range rows {
		sources[i] = source(r.Asker)
	}
	most, by := exam.Cap(sources, share, len(rows)), map[string]int{}
	var gone []Row
	for i, r := range rows {
		if by[sources[i]]++; sources[i] != "" && by[sources[i]] > most {
			gone = append(gone, r)
		}
	}
	s.drop(name, gone)
}

// saidPerImagined is how many rows of conversations stand beside one that was made up, at least.
const saidPerImagined = 3

// capImagined leaves the best rows of made-up conversations, no more than a share of all.
func (s *Set) capImagined() {
	var made []Row
	for _, r := range s.Rows {
		if r.Imagined {
			made = append(made, r)
		}
	}
	slices.SortFunc(made, better)
	s.drop(Imagined, rest(made, (len(s.Rows)-len(made))/saidPerImagined))
}
