package hosting

import (
	"testing"
	"time"
)

// Hours begin on their days, may pass midnight, and follow the clock of their zone.
func TestHours(t *testing.T) {
	t.Parallel()
	zurich, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Fatal(err)
	}
	week := [7]bool{time.Monday: true, time.Friday: true}
	office := Hours{Days: week, From: 8 * time.Hour, To: 18 * time.Hour, Zone: zurich}
	night := Hours{Days: week, From: 22 * time.Hour, To: 6 * time.Hour, Zone: time.UTC}
	whole := Hours{Days: week, Zone: time.UTC}
	for name, tc := range map[string]struct {
		hours Hours
		at    string
		open  bool
	}{
		"always":                      {Hours{}, "2026-11-29T03:00:00Z", true},
		"Monday in winter":            {office, "2026-11-30T07:00:00Z", true},
		"Monday before":               {office, "2026-11-30T06:59:59Z", false},
		"Monday behind":               {office, "2026-11-30T17:00:00Z", false},
		"Monday in summer":            {office, "2026-07-06T06:00:00Z", true},
		"Tuesday":                     {office, "2026-12-01T09:00:00Z", false},
		"Monday night":                {night, "2026-11-30T22:00:00Z", true},
		"the morning behind":          {night, "2026-12-01T05:59:00Z", true},
		"the end of it":               {night, "2026-12-01T06:00:00Z", false},
		"a morning behind no evening": {night, "2026-11-30T05:00:00Z", false},
		"a whole day":                 {whole, "2026-11-30T00:00:00Z", true},
		"the day before it":           {whole, "2026-11-29T23:59:00Z", false},
	} {
		at, err := time.Parse(time.RFC3339, tc.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := tc.hours.Open(at); got != tc.open {
			t.Errorf("%s: open %v", name, got)
		}
	}
	for want, h := range map[int64]Hours{720: {}, 86: office, 69: night, 206: whole} {
		if got := h.Month(); got != want {
			t.Errorf("%+v: %d hours a month, want %d", h, got, want)
		}
	}
}
