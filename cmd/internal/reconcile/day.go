package reconcile

import (
	"regexp"
	"strings"
	"time"
)

// Days are the days that are compared, of UTC: from one to another, which is not among them.
type Days struct{ From, End time.Time }

// Days returns those that the sums are of, no days where there are none.
func (s Sums) Days() (Days, error) {
	first, last := "", ""
	for key := range s {
		if first == "" || key.Day < first {
			first = key.Day
		}
		last = max(last, key.Day)
	}
	if first == "" {
		return Days{}, nil
	}
	from, err := time.Parse(time.DateOnly, first)
	if err != nil {
		return Days{}, err
	}
	end, err := time.Parse(time.DateOnly, last)
	return Days{from, end.AddDate(0, 0, 1)}, err
}

// snapshot is what stands behind a model's name where a vendor bills a dated version of it.
var snapshot = regexp.MustCompile(`^-(20[0-9]{2}-[0-9]{2}-[0-9]{2}|[0-9]{4})$`)

// Named returns a vendor's sums by the names that the books have: vendors bill gpt-5-nano as
// gpt-5-nano-2025-08-07.
func (s Sums) Named(books Sums) Sums {
	known := map[string]bool{}
	for key := range books {
		known[key.Model] = true
	}
	named := Sums{}
	for key, sum := range s {
		if !known[key.Model] {
			key.Model = plain(key.Model, known)
		}
		named.Add(key, sum)
	}
	return named
}

func plain(model string, known map[string]bool) string {
	for name := range known {
		if rest, begins := strings.CutPrefix(model, name); begins && snapshot.MatchString(rest) {
			return name
		}
	}
	return model
}
