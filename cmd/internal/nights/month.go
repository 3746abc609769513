package nights

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/client"
	"dreamlab/cmd/internal/config"
	"dreamlab/store/backoff"
	"dreamlab/store/learn"
)

// MonthOptions say how large a month is. The zero value works.
type MonthOptions struct {
	Days     int    // Defaults to those of the calendar month that begins next.
	Chats    int    // a day that the assistant is asked. Defaults to 200.
	Imported int    // conversations a day that the staff answered. Defaults to 40.
	Seed     uint64 // of the traffic
	Log      io.Writer
	// Tell is called after each day, with its number. Defaults to nothing.
	Tell func(day int)
}

// filled has the defaults of a month that begins at some time.
func (o MonthOptions) filled(begin time.Time) MonthOptions {
	for _, field := range []struct {
		value   *int
		initial int
	}{{&o.Days, begin.AddDate(0, 1, -1).Day()}, {&o.Chats, 200}, {&o.Imported, 40}} {
		if *field.value <= 0 {
			*field.value = field.initial
		}
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Tell == nil {
		o.Tell = func(int) {}
	}
	return o
}

// When things happen, in quarters of an hour since midnight (UTC). Customers come from six to ten o'clock at
// night, and dreams begin with the window of dream.off_peak.
const (
	quarter = 15 * time.Minute
	opens   = 6 * 4
	closes  = 22 * 4
	tunesAt = 23 * 4
	wholly  = 24 * 4
)

// tuneDays are the days whose nights have a tune, from 0.
func tuneDays(days int) []int { return []int{days / 4, days * 2 / 3} }

// pollEvery is short: what takes a vendor hours takes milliseconds here.
const pollEvery = 20 * time.Millisecond

// hobby changes the default configuration to one by which a model that costs dollars an hour stays within the
// first plan: a tune costs at most the plan's line with a month of hosting, and what it made serves for the
// evening on which most people come. The base answers in all other hours.
func hobby(c *config.Config) {
	c.Tune.BudgetUSD = c.Plan.Tuning.High
	c.Poll = config.Poll{Training: pollEvery, Deployment: pollEvery}
	c.Tune.HostingHours = config.HostingHours{Days: []string{"sat"}, From: "18:00", To: "20:30", Zone: "UTC"}
}

// month is a month under way.
type month struct {
	MonthOptions
	shop
	place   place
	clock   clock
	begin   time.Time
	dreams  []client.Dream
	tunes   []string
	serving []service
}

// service is a tuned model from when it was promoted.
type service struct {
	since time.Time
	model learn.Model
}

// RunMonth runs the calendar month that begins next on a clock of its own, with the sandbox as vendor, and
// returns what the books say of it.
func RunMonth(ctx context.Context, o MonthOptions) (bill Bill, err error) {
	now := time.Now().UTC()
	begin := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	m := &month{MonthOptions: o.filled(begin), begin: begin}
	m.town = newTown(o.Seed)
	err = within(ctx, setup{log: m.Log, now: m.clock.now, change: hobby}, func(ctx context.Context, p place) error {
		m.place, m.client = p, p.client
		if err := m.run(ctx); err != nil {
			return err
		}
		bill, err = m.sum(ctx)
		return err
	})
	return bill, err
}

func (m *month) run(ctx context.Context) error {
	for day := range m.Days {
		for at := range wholly {
			if err := m.pass(ctx, m.begin.AddDate(0, 0, day).Add(time.Duration(at)*quarter)); err != nil {
				return fmt.Errorf("day %d: %w", day+1, err)
			}
			if err := m.happen(ctx, day, at); err != nil {
				return fmt.Errorf("day %d: %w", day+1, err)
			}
		}
		m.Tell(day + 1)
	}
	return m.pass(ctx, m.begin.AddDate(0, 0, m.Days).Add(-time.Minute))
}

// happen does what is due in a quarter of an hour.
func (m *month) happen(ctx context.Context, day, at int) error {
	switch {
	case at == closes:
		return m.night(ctx)
	case at == tunesAt && slices.Contains(tuneDays(m.Days), day):
		return m.tune(ctx)
	case at < opens || at > closes:
		return nil
	case at == opens:
		if err := m.staff(ctx, day, m.Imported); err != nil {
			return err
		}
	}
	due := m.Chats*(at+1-opens)/(closes-opens) - m.Chats*(at-opens)/(closes-opens)
	return m.open(ctx, fmt.Sprintf("day-%d-%d", day, at), due, "auto")
}

// maxRounds bounds the rounds in which a deployment starts, which takes milliseconds here.
const maxRounds = 500

// pass lets the time pass, and has deployments start and stop by the hours of hosting.
func (m *month) pass(ctx context.Context, until time.Time) error {
	if err := m.clock.moveTo(ctx, m.place.stack.Store, until); err != nil {
		return err
	}
	for range maxRounds {
		if err := boot.Reap(ctx, m.place.stack); err != nil {
			return err
		}
		starting := false
		err := m.place.stack.Store.HostedModels(ctx, func(model learn.Model) error {
			starting = starting || model.State == learn.ModelStarting
			return nil
		})
		if err != nil {
			return fmt.Errorf("list hosted models: %w", err)
		}
		if !starting {
			return nil
		}
		if err := backoff.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("a deployment has not started in %d rounds", maxRounds)
}

// night goes over the day, in batches.
func (m *month) night(ctx context.Context) error {
	d, err := dream(ctx, m.client, client.DreamRequest{Mode: "batch"})
	m.dreams = append(m.dreams, d)
	return err
}

// tune tunes by Dream Lab's own rules, and notes what serves since then.
func (m *month) tune(ctx context.Context) error {
	keeping, stop := context.WithCancel(ctx)
	defer stop()
	kept := make(chan error, 1)
	go func() { kept <- m.keep(keeping) }()
	t, err := tune(ctx, m.client)
	stop()
	if err := errors.Join(err, <-kept); err != nil {
		return err
	}
	m.tunes = append(m.tunes, t.why)
	if !t.promoted {
		return nil
	}
	s := m.place.stack.Store
	route, err := s.Route(ctx, m.place.tenant, learn.DefaultAlias)
	if err != nil {
		return fmt.Errorf("find the route: %w", err)
	}
	model, err := s.Model(ctx, m.place.tenant, route.Targets[0].Model)
	if err != nil {
		return fmt.Errorf("find the model that was promoted: %w", err)
	}
	m.serving = append(m.serving, service{m.clock.now(), model})
	return nil
}

// keep goes on making rounds: what serves is woken for the exam of what is to replace it.
func (m *month) keep(ctx context.Context) error {
	for backoff.Sleep(ctx, pollEvery) == nil {
		if err := boot.Reap(ctx, m.place.stack); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}
