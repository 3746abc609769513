// Package say writes times, amounts, shares and names as people read them.
package say

import (
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"dreamlab/store/money"
)

// When shows a time of unix seconds in UTC; the script shows it in the viewer's zone.
func When(at *int64) template.HTML {
	if at == nil {
		return "—"
	}
	t := time.Unix(*at, 0).UTC()
	shown, machine := t.Format("2006-01-02 15:04:05"), t.Format(time.RFC3339)
	text := `<time datetime="` + machine + `" title="` + shown + ` UTC">` + shown + ` UTC</time>`
	return template.HTML(text) //nolint:gosec // digits alone
}

// Took shows the time between two instants.
func Took(from, to *int64) string {
	if from == nil || to == nil {
		return "—"
	}
	if *from == *to {
		return "< 1 s"
	}
	return Span(time.Duration(*to-*from) * time.Second)
}

// Seconds shows a number of seconds.
func Seconds(n float64) string { return Span(time.Duration(n * float64(time.Second))) }

// Span shows a duration in at most two units.
func Span(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond && d > 0:
		return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'g', 2, 64) + " ms"
	case d < time.Second && d > 0:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Round(10*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// Exact shows dollars to the nano-dollar.
func Exact(amount any) string {
	switch a := amount.(type) {
	case money.USD:
		return "$" + a.String()
	case *money.USD:
		if a != nil {
			return "$" + a.String()
		}
	}
	return "unknown"
}

// Short shows dollars to the cent, and never shows as nothing what is something.
func Short(amount money.USD) string {
	switch {
	case amount == 0:
		return "$0"
	case amount > 0 && amount < money.Cent:
		return "< $0.01"
	}
	cents := (int64(amount) + money.Cent/2) / money.Cent
	return fmt.Sprintf("$%s.%02d", Grouped(cents/100), cents%100)
}

// Percent shows a share.
func Percent(share float64) string { return strconv.FormatFloat(share*100, 'f', 1, 64) + " %" }

// Number shows a count, of either size.
func Number(n any) string { return Grouped(wide(n)) }

func wide(n any) int64 {
	if small, is := n.(int); is {
		return int64(small)
	}
	large, _ := n.(int64)
	return large
}

// Count shows how many of a noun there are, as "1 example" or "2 examples", and after it the verb
// for one or for more, where these are given.
func Count(n any, noun string, verbs ...string) string {
	one := wide(n) == 1
	switch stem, ends := strings.CutSuffix(noun, "y"); {
	case one:
	case ends && !strings.HasSuffix(stem, "a"): // a memory, but a way
		noun = stem + "ies"
	default:
		noun += "s"
	}
	said := Number(n) + " " + noun
	if len(verbs) == 2 && one {
		return said + " " + verbs[0]
	}
	if len(verbs) == 2 {
		return said + " " + verbs[1]
	}
	return said
}

// Grouped shows a count with commas between thousands.
func Grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// Sizes of ids: of the longest noun, of what follows it with its mark, and from where on a name
// of another sort is cut.
const (
	longestNoun = len("chatcmpl")
	randomPart  = len("_33p6zhmk0mpe3p1zkr80z9g0mm")
	longName    = 44
)

// Brief shows the noun of an id and its end, which differs most.
func Brief(id string) string {
	at := strings.IndexAny(id, "_-")
	switch {
	case at > 0 && at <= longestNoun && len(id)-at == randomPart:
		return id[:at+1] + "…" + id[len(id)-6:]
	case len(id) > longName:
		return id[:20] + "…" + id[len(id)-16:]
	}
	return id
}

// Words shows a name of the API as words.
func Words(name string) string { return strings.ReplaceAll(name, "_", " ") }

// Pretty shows JSON with indents.
func Pretty(raw json.RawMessage) string {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return string(raw)
	}
	out, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return string(raw)
	}
	return string(out)
}
