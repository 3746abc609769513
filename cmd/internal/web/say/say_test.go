package say

import (
	"testing"
	"time"

	"dreamlab/store/money"
)

// Nothing is shown as $0 but nothing, and an unknown amount is said to be unknown.
func TestAmounts(t *testing.T) {
	t.Parallel()
	for amount, want := range map[money.USD]string{
		0: "$0", 1: "< $0.01", money.Cent: "$0.01", 1_005_000_000: "$1.01", 1_234_567 * money.Dollar: "$1,234,567.00",
	} {
		if got := Short(amount); got != want {
			t.Errorf("%d is shown as %s", amount, got)
		}
	}
	if got := Exact((*money.USD)(nil)); got != "unknown" {
		t.Errorf("no amount is shown as %s", got)
	}
	if got := Exact(money.USD(3900)); got != "$0.0000039" {
		t.Errorf("3,900 nano-dollars are shown as %s", got)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	at := int64(1795933250)
	want := `<time datetime="2026-11-29T06:20:50Z" title="2026-11-29 06:20:50 UTC">2026-11-29 06:20:50 UTC</time>`
	if got := When(&at); string(got) != want {
		t.Error(got)
	}
	for span, want := range map[time.Duration]string{
		time.Millisecond: "1 ms", 250 * time.Millisecond: "250 ms", 90 * time.Second: "1 min 30 s", 3 * time.Hour: "3 h 0 min",
		49 * time.Hour: "2 days", 12_345_678 * time.Microsecond: "12.35 s", 0: "0 s",
	} {
		if got := Span(span); got != want {
			t.Errorf("%s is shown as %s", span, got)
		}
	}
	if got := Took(&at, &at); got != "< 1 s" || Took(nil, &at) != "—" {
		t.Errorf("no time at all is shown as %s", got)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"job_33p6zhmk0mpe3p1zkr80z9g0mm": "job_…z9g0mm", "ftjob-33p6zhxgy0fhfkta95smg6jmp8": "ftjob-…g6jmp8",
		"together/openai/gpt-oss-20b": "together/openai/gpt-oss-20b", "": "", "my_conversation": "my_conversation",
		"together/sandbox/dreamlab-dl-b8a0d115192f2849fb8240e9": "together/sandbox/dre…192f2849fb8240e9",
	} {
		if got := Brief(id); got != want {
			t.Errorf("%q is shown as %q, want %q", id, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567"} {
		if got := Grouped(n); got != want {
			t.Errorf("%d is shown as %s", n, got)
		}
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		Count(1, "example"): "1 example", Count(int64(1204), "answer"): "1,204 answers", Count(0, "memory"): "0 memories",
		Count(1, "memory"): "1 memory", Count(3, "way"): "3 ways",
		Count(1, "chat", "was", "were"): "1 chat was", Count(2, "chat", "was", "were"): "2 chats were",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
