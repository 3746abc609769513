// Package pick is the room of who gets a place in a dream's batch: what is weak before the rest, the oldest always,
// and no user or conversation more than its share where others wait. It reads nothing.
package pick

// Row is an undreamt experience that waits for a place.
type Row struct {
	ID   string
	User string // who asked, "" where that is not known
	Talk string // its conversation
	Weak bool   // known to be wrong, or to be checkable, before anything is asked
}

// Together tells whether two rows are of one user, or of one conversation.
func (r Row) Together(o Row) bool { return r.Talk == o.Talk || r.User != "" && r.User == o.User }

// perOldest: one place in four is the oldest's, however much is weak, so that nothing waits for ever. perShare: one user
// or conversation has one place in four, where others wait.
const perOldest, perShare = 4, 4

// Weak is how many of a batch's places the weak have at most, where others wait.
func Weak(limit int) int { return limit - limit/perOldest }

// bound is what bounds who has how many places.
type bound int

// The bounds, as they are lifted while places are left.
const (
	fair   bound = iota // no user and no conversation has more than a share
	talks               // no conversation has: the users have all that others leave
	lifted              // the oldest have what is left
)

// Share counts who has how many of some places.
type Share struct {
	most        int
	users, said map[string]int
}

// ShareOf returns the share in so many places: at least two of a batch, of which the weak do not take both.
func ShareOf(places int) *Share {
	return &Share{most: max(2, (places+perShare-1)/perShare), users: map[string]int{}, said: map[string]int{}}
}

// Take counts those rows that get a place, and returns how many do.
func (s *Share) Take(rows ...Row) (taken int) {
	for _, r := range rows {
		if s.take(r, fair) {
			taken++
		}
	}
	return taken
}

func (s *Share) take(r Row, b bound) bool {
	user := r.User != "" && s.users[r.User] >= s.most
	talk := s.said[r.Talk] >= s.most
	if b == fair && user || b < lifted && talk {
		return false
	}
	s.users[r.User]++
	s.said[r.Talk]++
	return true
}

// Batch returns at most so many of the rows. Weak ones and the rest, among which weak ones may be, each stand in the
// order in which they are wanted; a row may stand several times.
func Batch(weak, rest []Row, limit int) []Row {
	b := batch{share: ShareOf(limit), chosen: map[string]bool{}, limit: limit}
	whole := b.share.most
	b.share.most = max(1, Weak(limit)/perShare) // less than the whole: the oldest of a user whose all is weak has a place
	ofWeak := b.fill(weak, fair, Weak(limit))
	b.share.most = whole
	b.fill(rest, fair, limit)
	for _, bound := range []bound{talks, lifted} {
		ofWeak += b.fill(weak, bound, Weak(limit)-ofWeak)
		b.fill(rest, bound, limit)
	}
	return b.rows
}

type batch struct {
	rows   []Row
	share  *Share
	chosen map[string]bool
	limit  int
}

// fill gives at most so many places to rows, and returns how many.
func (b *batch) fill(rows []Row, bound bound, most int) (filled int) {
	for _, r := range rows {
		if filled == most || len(b.rows) == b.limit {
			break
		}
		if b.chosen[r.ID] || !b.share.take(r, bound) {
			continue
		}
		b.chosen[r.ID] = true
		b.rows = append(b.rows, r)
		filled++
	}
	return filled
}
