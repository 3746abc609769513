package tune

import (
	"errors"
	"strings"
	"testing"
	"time"

	"dreamlab/handlers/tune/hosting"
	"dreamlab/providers"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// newWindowBench is a bench whose alias was promoted to a model of which copies run only while it is asked.
func newWindowBench(t *testing.T) (b *bench, model learn.Model) {
	t.Helper()
	for _, w := range ways() {
		if w.place == nil || w.own || w.place(t).vendor.Name != "bedrock" {
			continue
		}
		b = newBenchAt(t, storetest.SQLite(t), Settings{MinExamples: 20}, w.shop)
		b.step = w.step
		b.serveAt(w.place(t), nil)
	}
	b.teach(48, 40)
	id := b.tune(tasks.TuneInput{}).ID
	b.run(nil)
	if _, decision := b.decided(id); !decision.Promoted {
		t.Fatal(decision)
	}
	model, err := b.store.Model(b.ctx, b.tenant, b.training(id).Model)
	b.must(err)
	return b, model
}

// hosted is what the books have for hosting, nano-dollars.
func (b *bench) hosted() int64 {
	b.Helper()
	sums, err := b.store.Spending(b.ctx, b.tenant, "purpose", time.Unix(0, 0), time.Now().Add(10_000*time.Hour))
	b.must(err)
	for _, s := range sums {
		if s.Group == hosting.Purpose {
			return s.Settled
		}
	}
	return 0
}

// later lets time pass everywhere, with rounds of the reaper.
func (b *bench) later(d time.Duration) {
	b.Helper()
	for end := b.ahead + d; b.ahead < end; {
		b.ahead += time.Minute
		b.lab.Advance(time.Minute)
		b.must(b.store.ShiftClock(b.ctx, b.ahead))
		b.reapOnce()
	}
}

func (b *bench) reapOnce() {
	b.Helper()
	_, err := Reap(b.ctx, b.store, b.deps)
	b.must(err)
}

// A model that is paid while it is asked is booked by the windows of its questions, each with the one behind it, and
// the books are at least the vendor's bill. Nobody wakes it: hours without a question cost nothing.
func TestWindowsOfUseAreBooked(t *testing.T) {
	t.Parallel()
	b, model := newWindowBench(t)
	if model.Window != 5*time.Minute {
		t.Fatalf("the model is paid by windows of %s", model.Window)
	}
	b.later(20 * time.Minute)
	quiet, billed := b.hosted(), b.paid("hosting:")
	if quiet < billed || billed == 0 {
		t.Errorf("the books have %d for hosting, the vendor %d", quiet, billed)
	}
	b.later(3 * time.Hour)
	if now, paid := b.hosted(), b.paid("hosting:"); now != quiet || paid != billed {
		t.Errorf("three hours without a question cost %d by the books, %d by the vendor", now-quiet, paid-billed)
	}
	window := model.NanoPerHour / 12
	for range 2 { // the first starts a copy
		b.askHosted(model)
		b.later(2 * time.Minute)
	}
	b.later(30 * time.Minute)
	if now, paid := b.hosted()-quiet, b.paid("hosting:")-billed; now < paid || paid == 0 || now > 3*window {
		t.Errorf("two questions cost %d by the books, %d by the vendor", now, paid)
	}
}

// askHosted asks a tuned model, and writes the line of spend that a chat has.
func (b *bench) askHosted(model learn.Model) {
	b.Helper()
	name := strings.TrimPrefix(model.Name, model.Provider+"/")
	b.must(b.store.AddEntry(b.ctx, book.Entry{
		ID: db.NewID("ent_"), Tenant: b.tenant, Step: "answer", Purpose: "chat", Provider: model.Provider, Model: name,
		State: book.EntrySettled,
	}))
	driver, err := b.deps.Vendors.(*providers.Router).Driver(model.Provider)
	b.must(err)
	asked := &providers.Request{Model: name, Messages: []providers.Message{providers.TextMessage("user", "Where is my parcel?")}}
	asked.MaxTokens = 20
	_, err = driver.Chat(b.ctx, asked, nil)
	var cold *providers.Error
	if err != nil && (!errors.As(err, &cold) || cold.Code != "ModelNotReadyException") {
		b.Fatal(err)
	}
}
