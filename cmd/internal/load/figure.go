package load

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// Figure is one measured number.
type Figure struct {
	Load   string  `json:"load"`
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"` // "jobs/s", "ms", "MB" ...
	Target float64 `json:"target,omitempty"`
	// Most says that the target is an upper bound; otherwise it is a lower bound.
	Most bool `json:"most,omitempty"`
	// Met tells whether the target is met; true where there is none.
	Met bool `json:"met"`
}

// atLeast is a figure with a lower bound.
func atLeast(load, name string, value float64, unit string, target float64) Figure {
	return Figure{Load: load, Name: name, Value: value, Unit: unit, Target: target, Met: value >= target}
}

// atMost is a figure with an upper bound.
func atMost(load, name string, value float64, unit string, target float64) Figure {
	return Figure{Load: load, Name: name, Value: value, Unit: unit, Target: target, Most: true, Met: value < target}
}

// plain is a figure without a target.
func plain(load, name string, value float64, unit string) Figure {
	return Figure{Load: load, Name: name, Value: value, Unit: unit, Met: true}
}

// Write prints figures as a table.
func Write(out io.Writer, figures []Figure) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LOAD\tFIGURE\tMEASURED\tTARGET\t")
	for _, f := range figures {
		fmt.Fprintf(table, "%s\t%s\t%s %s\t%s\t%s\n", f.Load, f.Name, number(f.Value), f.Unit, f.target(), f.verdict())
	}
	return table.Flush()
}

func (f Figure) target() string {
	switch {
	case f.Target == 0 && !f.Most:
		return ""
	case f.Most:
		return "< " + number(f.Target)
	}
	return "≥ " + number(f.Target)
}

func (f Figure) verdict() string {
	if f.Met {
		return ""
	}
	return "MISSED"
}

func number(v float64) string {
	if v >= 100 || v == float64(int64(v)) {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// quantile returns the value below which a share of the times lies, zero for no times. It sorts
// them.
func quantile(times []time.Duration, share float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[min(len(times)-1, int(float64(len(times))*share))]
}

// millis returns a time in milliseconds.
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// rate returns the number a second.
func rate(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }
