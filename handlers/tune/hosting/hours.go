package hosting

import "time"

// Hours are those in which tuned models are served. The zero value is at all hours.
type Hours struct {
	// Days tells by weekday on which days they begin. Defaults to none set: on all.
	Days [7]bool
	// From and To are since midnight. Where To is not behind From, they last until To on the next day.
	From, To time.Duration
	Zone     *time.Location // nil: at all hours
}

const day = 24 * time.Hour

// Open tells whether models are served at a time.
func (h Hours) Open(at time.Time) bool {
	if h.Zone == nil {
		return true
	}
	at = at.In(h.Zone)
	hour, minute, second := at.Clock()
	clock := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
	today, before := h.begins(at.Weekday()), h.begins((at.Weekday()+6)%7)
	if h.From < h.To {
		return today && h.From <= clock && clock < h.To
	}
	return today && h.From <= clock || before && clock < h.To
}

// begins tells whether the hours begin on a day.
func (h Hours) begins(on time.Weekday) bool { return h.Days == [7]bool{} || h.Days[on] }

// Month is how many hours they come to in a month of 30 days, at most.
func (h Hours) Month() int64 {
	if h.Zone == nil {
		return int64(30 * day / time.Hour)
	}
	long, days := h.To-h.From, 0
	if long <= 0 {
		long += day
	}
	for on := range time.Weekday(7) {
		if h.begins(on) {
			days++
		}
	}
	week := 7 * day
	month := long * time.Duration(days) * 30 / 7
	return int64((min(month, week*30/7) + time.Hour - 1) / time.Hour)
}
