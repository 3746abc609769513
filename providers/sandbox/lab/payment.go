package lab

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"dreamlab/providers/sandbox/model"
)

// Payment is what one vendor would have billed for one model.
type Payment struct {
	Day       string `json:"day,omitempty"` // as 2026-01-31, UTC; "" for all days
	Vendor    string `json:"vendor"`
	Model     string `json:"model"`
	Calls     int64  `json:"calls"`
	TokensIn  int64  `json:"tokens_in"`
	TokensOut int64  `json:"tokens_out"`
	NanoUSD   int64  `json:"nano_usd"` // nano-dollars

	// Of these, what was billed for the lines of batches.
	BatchLines int64 `json:"batch_lines,omitempty"`
	BatchNano  int64 `json:"batch_nano_usd,omitempty"`
}

// flushAfter is how long payments may be in memory alone, in wall time.
const flushAfter = 200 * time.Millisecond

const tillName = "lab.json"

// account is what payments are summed by.
type account struct{ day, vendor, model string }

// plus adds a payment to a sum.
func (p *Payment) plus(other Payment) {
	p.Calls += other.Calls
	p.TokensIn += other.TokensIn
	p.TokensOut += other.TokensOut
	p.NanoUSD += other.NanoUSD
	p.BatchLines += other.BatchLines
	p.BatchNano += other.BatchNano
}

// till counts payments and writes them, with the lab's time, soon after they
// change: once for all the changes of a fifth of a second.
type till struct {
	clock *Clock
	shelf *Shelf
	logf  func(string, ...any)

	mu      sync.Mutex
	rows    map[account]*Payment
	meters  []func(time.Time) error
	pending *time.Timer
	closed  bool
	failed  error
}

// ledger is how a till is kept.
type ledger struct {
	Now      time.Time `json:"now"`
	Payments []Payment `json:"payments"`
}

func openTill(clock *Clock, shelf *Shelf, logf func(string, ...any)) (*till, error) {
	t := &till{clock: clock, shelf: shelf, logf: logf, rows: map[account]*Payment{}}
	var kept ledger
	if _, err := shelf.Load(tillName, &kept); err != nil {
		return nil, err
	}
	clock.atLeast(kept.Now)
	for _, row := range kept.Payments {
		t.rows[account{row.Day, row.Vendor, row.Model}] = &row
	}
	return t, nil
}

func (t *till) add(p Payment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, day := range []string{"", t.clock.Now().UTC().Format(time.DateOnly)} {
		key := account{day, p.Vendor, p.Model}
		row := t.rows[key]
		if row == nil {
			row = &Payment{Day: day, Vendor: p.Vendor, Model: p.Model}
			t.rows[key] = row
		}
		row.plus(p)
	}
	t.schedule()
}

func (t *till) changed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.schedule()
}

// schedule is called with the lock held.
func (t *till) schedule() {
	if t.pending == nil && !t.closed {
		t.pending = time.AfterFunc(flushAfter, t.flush)
	}
}

func (t *till) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending = nil
	t.write()
}

// write is called with the lock held, which orders the writes.
func (t *till) write() {
	err := t.shelf.Save(tillName, ledger{Now: t.clock.Now(), Payments: t.sorted()})
	t.failed = err
	if err != nil {
		t.logf("write payments: %v", err)
	}
}

func (t *till) sorted() []Payment {
	rows := make([]Payment, 0, len(t.rows))
	for _, row := range t.rows {
		rows = append(rows, *row)
	}
	slices.SortFunc(rows, func(a, b Payment) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(a.Model, b.Model))
	})
	return rows
}

func (t *till) close() error {
	t.settle()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if t.pending != nil {
		t.pending.Stop()
	}
	t.write()
	if t.failed != nil {
		return fmt.Errorf("close sandbox: %w", t.failed)
	}
	return nil
}

// settle asks what is billed by time to put its bill in, up to now.
func (t *till) settle() {
	t.mu.Lock()
	meters := slices.Clone(t.meters)
	t.mu.Unlock()
	for _, meter := range meters {
		if err := meter(t.clock.Now()); err != nil {
			t.logf("bill what is paid by time: %v", err)
		}
	}
}

// AddMeter registers what is billed by time: settle is called before payments
// are read and pays, through Pay, what was used up to the given lab time.
func (l *Lab) AddMeter(settle func(now time.Time) error) {
	l.till.mu.Lock()
	defer l.till.mu.Unlock()
	l.till.meters = append(l.till.meters, settle)
}

// Pay puts a payment in the books.
func (l *Lab) Pay(p Payment) { l.till.add(p) }

// PayTokens bills one call by its usage and returns what it came to, nano-dollars.
// Input includes cached.
func (l *Lab) PayTokens(vendor, model string, usage model.Usage) int64 {
	return payPart(l, Payment{Vendor: vendor, Model: model}, usage, 100)
}

// payPart bills one call at so many percent of the price.
func payPart(l *Lab, p Payment, usage model.Usage, percent int64) int64 {
	in, out, cached := l.options.Price(p.Vendor, p.Model)
	part := func(tokens, rate int64) int64 { return tokens * (rate * percent / 100) }
	p.NanoUSD = PerMillion(part(usage.In-usage.Cached, in) + part(usage.Cached, cached) + part(usage.Out, out))
	p.Calls, p.TokensIn, p.TokensOut = 1, usage.In, usage.Out
	l.Pay(p)
	return p.NanoUSD
}

// PerMillion is what a sum of tokens costs at rates for a million of them, rounded up, as a bill does.
func PerMillion(sum int64) int64 { return (sum + 999_999) / 1_000_000 }

// Price returns what a model costs, as [Price] says.
func (l *Lab) Price(vendor, model string) (in, out, cached int64) {
	return l.options.Price(vendor, model)
}

// Payments lists what was paid so far, by vendor and model.
func (l *Lab) Payments() []Payment {
	l.till.settle()
	return slices.DeleteFunc(l.sums(), func(p Payment) bool { return p.Day != "" })
}

// Bill lists what was paid to a vendor by day and model.
func (l *Lab) Bill(vendor string) []Payment {
	l.till.settle()
	return slices.DeleteFunc(l.sums(), func(p Payment) bool { return p.Day == "" || p.Vendor != vendor })
}

func (l *Lab) sums() []Payment {
	l.till.mu.Lock()
	defer l.till.mu.Unlock()
	return l.till.sorted()
}
