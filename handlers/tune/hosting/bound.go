package hosting

import (
	"fmt"
	"math"
	"time"

	"dreamlab/providers"
)

// FullMonth is the hours of a month of 30 days.
const FullMonth = 30 * 24

// MonthBound is what the hours of a month cost at most at a place, nano-dollars: all of them, those that are
// configured, or the windows in which there are chats.
func MonthBound(h providers.Hosting, hours, chats int64) int64 {
	if h.Always {
		return times(h.NanoPerHour, FullMonth)
	}
	all := times(h.NanoPerHour, hours)
	if h.Window <= 0 {
		return all
	}
	return min(all, times(PerWindow(h.NanoPerHour, h.Window), times(2, chats))) // its own window and the one behind it
}

// times multiplies what is not negative, up to the largest number.
func times(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64/b {
		return math.MaxInt64
	}
	return a * b
}

// Note says by which hours of a month a place is paid, "" where it is by none.
func Note(h providers.Hosting, hours int64) string {
	switch {
	case h.Always:
		return "it can not be stopped from here: all hours of the month count"
	case h.NanoPerHour == 0:
		return ""
	case h.Window > 0:
		return fmt.Sprintf("it ends by itself: paid by windows of %d minutes in which it is asked", h.Window/time.Minute)
	case hours >= FullMonth:
		return "it bills every hour, also while nobody asks: bound it by tune.hosting_hours"
	}
	return fmt.Sprintf("it is stopped outside the %d hours of hosting", hours)
}

// PerWindow is what a window costs of which an hour costs so many nano-dollars.
func PerWindow(nanoPerHour int64, window time.Duration) int64 {
	return nanoPerHour * int64(window/time.Second) / int64(time.Hour/time.Second)
}
