package reconcile

import (
	"maps"
	"regexp"
	"slices"
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

// Models are those that the sums are of, by their names.
func (s Sums) Models() []string {
	known := map[string]bool{}
	for key := range s {
		known[key.Model] = true
	}
	return slices.Sorted(maps.Keys(known))
}

// Named returns the sums under other names. What gets one name is summed.
func (s Sums) Named(name func(string) string) Sums {
	named := Sums{}
	for key, sum := range s {
		key.Model = name(key.Model)
		named.Add(key, sum)
	}
	return named
}

// Undated returns by which of the models' names a vendor's name is known: vendors bill gpt-5-nano as
// gpt-5-nano-2025-08-07.
func Undated(name string, models []string) string {
	if slices.Contains(models, name) {
		return name
	}
	for _, model := range models {
		if rest, begins := strings.CutPrefix(name, model); begins && snapshot.MatchString(rest) {
			return model
		}
	}
	return name
}
