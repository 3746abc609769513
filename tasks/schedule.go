package tasks

import "time"

// TickInput is the input of schedule.tick.
type TickInput struct {
	Schedule string    `json:"schedule"`
	Tick     time.Time `json:"tick"` // the instant that was due, UTC
}
