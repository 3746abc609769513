// Package lab is what the emulators of the vendors share: a clock that can be
// driven, one credential, the payments that would have been made, faults on
// demand, a log of requests, and a shelf that keeps it all. An emulator dresses
// what the [Lab]'s models say in its vendor's wire format.
//
// What the models say is in sandbox/model; files, trainings and deployments are
// in sandbox/work. None of the three imports anything of the program that it
// serves.
package lab

import (
	"fmt"
	"time"

	"dreamlab/providers/sandbox/model"
)

// Header is set to "true" on every answer of an emulator.
const Header = "x-dreamlab-sandbox"

// Price tells what a model costs, in nano-dollars per million tokens of input,
// of output, and of input that came from the vendor's cache.
type Price func(vendor, model string) (in, out, cached int64)

// Options configures a lab. The zero value works.
type Options struct {
	// Dir keeps files, trainings, tuned models, deployments and payments from
	// one run to the next. Defaults to memory alone.
	Dir string
	// MaxBytes bounds what is kept. Defaults to 256 MiB.
	MaxBytes int64
	// Price makes payments. Defaults to everything being free.
	Price Price
	// Speed is lab seconds per wall second. Defaults to 1.
	Speed float64
	// Credential is the one key that the emulators take. Defaults to "sandbox".
	Credential string
	// Now is the wall's time. Defaults to time.Now.
	Now func() time.Time
	// Logf takes what nobody can be told otherwise, such as a full disk while
	// payments are written. Defaults to silence; Close returns the last of it.
	Logf func(format string, args ...any)
}

func (o Options) withDefaults() Options {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 256 << 20
	}
	if o.Price == nil {
		o.Price = func(string, string) (int64, int64, int64) { return 0, 0, 0 }
	}
	if o.Speed <= 0 {
		o.Speed = 1
	}
	if o.Credential == "" {
		o.Credential = "sandbox"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	return o
}

// Lab is what the emulators share. It is safe for concurrent use.
type Lab struct {
	Clock *Clock
	Shelf *Shelf
	Small *model.Model // knows a few dozen stock pairs
	Large *model.Model // knows some hundreds
	// Quotas are the limits that were set of the account at each vendor.
	Quotas Quotas

	options Options
	till    *till
	script  *script
	journal *journal
	served  served
}

// New opens a lab, with what an earlier one left in Options.Dir. The caller
// closes it.
func New(options Options) (*Lab, error) {
	options = options.withDefaults()
	shelf, err := openShelf(options.Dir, options.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("open sandbox: %w", err)
	}
	l := &Lab{
		Clock:   newClock(options.Now, options.Speed),
		Shelf:   shelf,
		Small:   model.NewModel(model.StockPairs("small")),
		Large:   model.NewModel(model.StockPairs("large")),
		options: options,
		script:  &script{},
		journal: &journal{},
		served:  served{times: map[Served]int{}},
	}
	if l.till, err = openTill(l.Clock, shelf, options.Logf); err != nil {
		return nil, fmt.Errorf("open sandbox: %w", err)
	}
	return l, nil
}

// Close writes what is not written yet and reports the last write that failed.
func (l *Lab) Close() error {
	return l.till.close()
}

// Now returns the lab's time.
func (l *Lab) Now() time.Time { return l.Clock.Now() }

// Advance moves the lab's time ahead. Nothing waits: what depends on the time
// is computed from it when it is asked for.
func (l *Lab) Advance(d time.Duration) {
	l.Clock.Advance(d)
	l.till.changed()
}

// SetSpeed makes a wall second last speed lab seconds from now on.
func (l *Lab) SetSpeed(speed float64) { l.Clock.SetSpeed(speed) }

// Credential returns the key that the emulators take.
func (l *Lab) Credential() string { return l.options.Credential }
