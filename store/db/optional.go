package db

import "time"

// Optional returns nil for an empty string, so that it is stored as NULL.
func Optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Micros returns t as unix microseconds, and nil for the zero time.
func Micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// TimeOf is the way back from Micros: the zero time where there is none.
func TimeOf(us *int64) time.Time {
	if us == nil {
		return time.Time{}
	}
	return time.UnixMicro(*us).UTC()
}

// Text returns nil for an empty string, so that it is stored as NULL.
func Text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Deref returns what a pointer points to, and the zero value of none.
func Deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
