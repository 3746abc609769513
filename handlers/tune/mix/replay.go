package mix

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"dreamlab/store/learn"
)

// whole is all of a dataset's rows, in the unit of shares.
const whole = 10_000

// leastReplay is the share of a full dataset that old rows keep against any number of new ones, ten-thousandths. A
// model that goes on from its last weights needs little replay, 1 % in instruction tuning
// (https://aclanthology.org/2022.emnlp-main.410) and 5 % in pre-training on data that is much like the old; on other data
// 25 % (https://arxiv.org/abs/2403.08763). Ours starts from its base, so that it takes the larger share.
const leastReplay = 2_500

// Part is how many rows of a dataset there may be, new ones and old ones. All are taken where they fit. Else new rows go
// first, up to what is kept for old ones, which are no more than share, ten-thousandths; 0: any.
func Part(fresh, old, limit int, share int64) (takenFresh, takenOld int) {
	share = cmp.Or(share, whole)
	kept := min(old, int(int64(limit)*min(share, leastReplay)/whole))
	takenFresh = min(fresh, limit-kept)
	takenOld = min(old, limit-takenFresh)
	if share < whole {
		takenOld = min(takenOld, int(int64(takenFresh)*share/(whole-share)))
	}
	return takenFresh, takenOld
}

// mix leaves so many new rows and so many old ones, and tells whether any had to go.
func (s *Set) mix() bool {
	fresh, old := s.part(false, better), s.part(true, drawn)
	most, replayed := Part(len(fresh), len(old), s.limits.Rows, s.limits.ReplayShare)
	s.drop(Over, rest(fresh, most))
	s.drop(Replay, leftOut(old, replayed))
	return most < len(fresh) || replayed < len(old)
}

// band is how far scores may be apart in a stratum, thousandths.
const band = 100

// stratum is what a row is drawn among: rows of the same user and origin with about the same score.
func stratum(r Row) string {
	return fmt.Sprintf("%q %q %d", r.Asker.User, r.Asker.Origin, r.Score/band)
}

// leftOut are the rows that are not among n which are drawn of each stratum in its measure: the largest remainders
// have what the division leaves, in the order of the draw. The rows are in the order of the draw.
func leftOut(rows []Row, n int) []Row {
	if n >= len(rows) {
		return nil
	}
	strata := map[string][]Row{}
	for _, r := range rows {
		strata[stratum(r)] = append(strata[stratum(r)], r)
	}
	names := slices.SortedFunc(maps.Keys(strata), func(a, b string) int {
		return cmp.Or(cmp.Compare(n*len(strata[b])%len(rows), n*len(strata[a])%len(rows)), drawn(strata[a][0], strata[b][0]))
	})
	left := n
	for _, of := range strata {
		left -= n * len(of) / len(rows)
	}
	var out []Row
	for i, name := range names {
		of := strata[name]
		taken := n * len(of) / len(rows)
		if i < left {
			taken++
		}
		out = append(out, of[taken:]...)
	}
	return out
}

// Told is what a manifest tells of a dataset's rows and of those that were left out of it.
func Told(rows []Row, removed map[string]int, l Limits) learn.Mix {
	m := learn.Mix{LeftOut: removed[Replay], Share: float64(cmp.Or(l.ReplayShare, whole)) / whole, Seed: l.Seed}
	for _, r := range rows {
		if r.Replay {
			m.Replayed++
		} else {
			m.New++
		}
	}
	return m
}
