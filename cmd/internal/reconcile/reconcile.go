// Package reconcile holds the books against a vendor's own export of what was used, and names each
// difference: by day (UTC) and model, in calls, tokens and dollars. It asks nobody: it is given
// both sides.
package reconcile

import (
	"cmp"
	"maps"
	"slices"

	"dreamlab/store/money"
)

// Key is what is compared: a model on a day.
type Key struct {
	Day   string // 2026-01-31, UTC
	Model string // without the vendor
}

// Sum is what was used of a model on a day. What a side does not tell is nil.
type Sum struct {
	Calls, Input, Output *int64
	Nano                 *int64 // nano-dollars
}

// add adds a line to the sum. What one line lacks the sum lacks only where all do.
func (s *Sum) add(other Sum) {
	for _, pair := range [][2]**int64{
		{&s.Calls, &other.Calls}, {&s.Input, &other.Input}, {&s.Output, &other.Output}, {&s.Nano, &other.Nano},
	} {
		mine, theirs := pair[0], pair[1]
		switch {
		case *theirs == nil:
		case *mine == nil:
			*mine = new(**theirs)
		default:
			**mine += **theirs
		}
	}
}

// nothing tells that a side counts nothing, as vendors do of what was free.
func (s Sum) nothing() bool {
	for _, n := range []*int64{s.Calls, s.Input, s.Output, s.Nano} {
		if n != nil && *n != 0 {
			return false
		}
	}
	return true
}

// Sums are sums by day and model.
type Sums map[Key]Sum

// Add adds a line.
func (s Sums) Add(key Key, line Sum) {
	sum := s[key]
	sum.add(line)
	s[key] = sum
}

// Difference is one thing in which the two sides differ.
type Difference struct {
	Day   string `json:"day"`
	Model string `json:"model"`
	// What differs: calls, input_tokens, output_tokens, cost_usd, or that a side has no such line.
	What   string `json:"what"`
	Books  string `json:"books"`
	Vendor string `json:"vendor"`
}

// What differs where one side has no line at all.
const (
	OnlyBooks  = "only in the books"
	OnlyVendor = "only in the export"
)

// Cent is the usual tolerance of costs: vendors round what they show.
const Cent = money.Cent

// Compare names each difference, by day and model. Costs that differ by no more than the tolerance,
// in nano-dollars, are the same.
func Compare(books, vendor Sums, tolerance int64) []Difference {
	keys := maps.Clone(books)
	maps.Copy(keys, vendor)
	var all []Difference
	for _, key := range slices.SortedFunc(maps.Keys(keys), byDay) {
		mine, inBooks := books[key]
		theirs, inExport := vendor[key]
		switch {
		case !inExport:
			all = append(all, Difference{key.Day, key.Model, OnlyBooks, dollars(mine.Nano), ""})
		case !inBooks && theirs.nothing():
		case !inBooks:
			all = append(all, Difference{key.Day, key.Model, OnlyVendor, "", dollars(theirs.Nano)})
		default:
			all = append(all, differences(key, mine, theirs, tolerance)...)
		}
	}
	return all
}

func byDay(a, b Key) int { return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Model, b.Model)) }

func differences(key Key, mine, theirs Sum, tolerance int64) []Difference {
	var all []Difference
	for _, of := range []struct {
		what         string
		mine, theirs *int64
		tolerance    int64
		show         func(*int64) string
	}{
		{"calls", mine.Calls, theirs.Calls, 0, number}, {"input_tokens", mine.Input, theirs.Input, 0, number},
		{"output_tokens", mine.Output, theirs.Output, 0, number}, {"cost_usd", mine.Nano, theirs.Nano, tolerance, dollars},
	} {
		if of.mine == nil || of.theirs == nil {
			continue
		}
		if apart := *of.mine - *of.theirs; apart > of.tolerance || -apart > of.tolerance {
			all = append(all, Difference{key.Day, key.Model, of.what, of.show(of.mine), of.show(of.theirs)})
		}
	}
	return all
}

func dollars(nano *int64) string {
	if nano == nil {
		return ""
	}
	return money.USD(*nano).String()
}
