package config

import (
	"slices"
	"strings"
)

// Window is a part of the day in a time zone; it may pass midnight.
type Window struct {
	From string `yaml:"from"` // 22:00
	To   string `yaml:"to"`   // 06:00
	Zone string `yaml:"zone"` // IANA name. Defaults to UTC.
}

// HostingHours are a part of the day on some days of the week; it may pass midnight.
type HostingHours struct {
	// Days are those on which they begin, as [mon, tue]. Defaults to all.
	Days []string `yaml:"days,omitempty"`
	From string   `yaml:"from,omitempty"` // 08:00. Defaults to none: all hours.
	To   string   `yaml:"to,omitempty"`   // 20:00
	Zone string   `yaml:"zone"`           // IANA name. Defaults to UTC.
}

// Weekdays returns the names of days as they stand in settings, by time.Weekday.
func Weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

// Always tells whether they are all hours.
func (h HostingHours) Always() bool { return h.From == "" && h.To == "" && len(h.Days) == 0 }

func checkHosting(l *loader) {
	h := l.Tune.HostingHours
	for i, day := range h.Days {
		if !slices.Contains(Weekdays(), day) || slices.Contains(h.Days[:i], day) {
			l.fault("tune.hosting_hours.days: %q is no day, or twice there: use each of %s once", day, strings.Join(Weekdays(), ", "))
		}
	}
	if h.Always() {
		return
	}
	l.checkTime("tune.hosting_hours.from", h.From)
	l.checkTime("tune.hosting_hours.to", h.To)
	l.checkZone("tune.hosting_hours.zone", h.Zone)
}
