package hosting

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// BookAll writes the hours that each deployment has begun.
func BookAll(ctx context.Context, s *store.Store) (int, error) {
	var models []learn.Model
	err := s.HostedModels(ctx, func(m learn.Model) error {
		models = append(models, m) // a few: each costs dollars an hour
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("list hosted models: %w", err)
	}
	hours := 0
	var faults []error
	for _, m := range models {
		n, err := BookHours(ctx, s, m)
		hours, faults = hours+n, append(faults, err)
	}
	return hours, errors.Join(faults...)
}

// Purpose is what hours of hosting are booked under.
const Purpose = "host"

// maxHours bounds the hours that are booked at once.
const maxHours = 1_000

// BookHours books the hours that a deployment has begun and that are not booked yet, or the windows in which it
// was asked. The id of one follows from the model, its start and its number, so that two concurrent calls book
// it once.
func BookHours(ctx context.Context, s *store.Store, m learn.Model) (int, error) {
	begun := begunHours
	if m.Window > 0 {
		begun = askedWindows
	}
	numbers, err := begun(ctx, s, m)
	if err != nil {
		return 0, err
	}
	training, err := s.Training(ctx, m.Tenant, m.Training)
	if err != nil {
		return 0, fmt.Errorf("find the training of %s: %w", m.Name, err)
	}
	n := 0
	for _, number := range numbers {
		switch err := s.AddEntry(ctx, Hour(m, training.Job, number)); {
		case err == nil:
			n++
		case !errors.Is(err, db.ErrConflict):
			return n, fmt.Errorf("book hosting of %s: %w", m.Name, err)
		}
	}
	return n, nil
}

// begunHours are the numbers of the hours that are to be booked, from 1.
func begunHours(ctx context.Context, s *store.Store, m learn.Model) (numbers []int, err error) {
	known, err := s.HostedHours(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("count hours of %s: %w", m.Name, err)
	}
	now, err := s.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("tell the time: %w", err)
	}
	begun := int(now.Sub(m.Started)/time.Hour) + 1
	for hour := known + 1; hour <= min(begun, known+maxHours); hour++ {
		numbers = append(numbers, hour)
	}
	return numbers, nil
}

// askedWindows are the numbers of the windows that are to be booked, from 1: those in which the model was asked,
// and each one behind them, since it goes on for as long as a window after the last question. This is a bound: the
// vendor's windows begin when a copy of the model starts.
func askedWindows(ctx context.Context, s *store.Store, m learn.Model) (numbers []int, err error) {
	asked, err := learn.UsedWindows(ctx, &s.TuneQueries, m)
	if err != nil {
		return nil, fmt.Errorf("find when %s was asked: %w", m.Name, err)
	}
	for _, window := range asked {
		for _, number := range []int{int(window) + 1, int(window) + 2} {
			if len(numbers) == 0 || numbers[len(numbers)-1] < number {
				numbers = append(numbers, number)
			}
		}
	}
	return numbers, nil
}

// Hour is the line of spend of one hour that a model was served, or of one window of a model that is paid by
// them. A begun hour counts whole: a bound, since vendors bill by the minute.
func Hour(m learn.Model, job string, hour int) book.Entry {
	nano := m.NanoPerHour
	if m.Window > 0 {
		nano = PerWindow(nano, m.Window)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d\n%d", m.Tenant, m.Name, m.Started.UnixMicro(), hour))
	return book.Entry{
		ID: "ent_" + hex.EncodeToString(sum[:])[:32], Tenant: m.Tenant, Job: job, Step: "host", Number: hour,
		Purpose: Purpose, Provider: m.Provider, Model: m.Name[len(m.Provider)+1:],
		State: book.EntrySettled, Settled: nano,
	}
}
