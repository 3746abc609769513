package dream_test

import (
	"testing"

	"dreamlab/handlers/handlertest"
	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// sol is a lead model that Azure offers in a slower tier of service at half the price.
const sol = "azure/gpt-5.6-sol"

// bySol has a dream's lead be sol, at the price that an operator's own file gives, of which the slower tier costs so
// many percent.
func bySol(t *testing.T, b *handlertest.Bench, percent int64) {
	t.Helper()
	in, out := int64(1_250_000_000), int64(10_000_000_000)
	slower := providers.Rates{In: in * percent / 100, CachedIn: in * percent / 100, Out: out * percent / 100}
	b.Prices.Register(catalog.Model{Provider: "azure", ID: "gpt-5.6-sol", Prices: []providers.Price{
		{Rates: providers.Rates{In: in, CachedIn: in, Out: out}, Flex: &slower},
	}})
	b.SetRoute(t, "lead", sol)
}

// solDream is a dream of the same conversations with sol as its lead, and what its calls of sol were booked as.
type solDream struct {
	learn.Dream
	tiers map[string]int // calls of sol that were answered, by the tier that answered
	full  int            // calls of sol that were turned away
	paid  int64          // to Azure, nano-dollars
	spent int64          // at all vendors, nano-dollars
}

func dreamBySol(t *testing.T, mode string, percent int64, change func(*handlertest.Bench)) solDream {
	t.Helper()
	b := handlertest.New(t)
	bySol(t, b, percent)
	e := b.Start(t, nil)
	b.Import(t, e, orders(10))
	if change != nil {
		change(b)
	}
	d, j := b.Dream(t, e, tasks.DreamInput{Mode: mode}, nil)
	if j.State != job.StateSucceeded || d.Counts.Kept == 0 {
		t.Fatalf("%s: the dream is %s: %v, %+v", mode, j.State, j.Error, d.Counts)
	}
	got := solDream{Dream: d, tiers: map[string]int{}}
	jobs, _, err := b.Store.Jobs(t.Context(), b.Tenant, job.Filter{Parent: d.Job}, db.Page{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, own := range jobs {
		for _, entry := range b.Entries(t, own.ID) {
			switch {
			case entry.Provider != "azure":
			case entry.State == book.EntrySettled:
				got.tiers[entry.Tier]++
			case entry.State == book.EntryVoid:
				got.full++
			}
		}
	}
	for _, p := range b.Lab.Payments() {
		if p.Vendor == "azure" {
			got.paid += p.NanoUSD
		}
	}
	spend, err := b.Store.JobSpend(t.Context(), d.Job)
	if _, nano := b.Paid(); err != nil || spend.Settled != nano || spend.Reserved != 0 {
		t.Errorf("%s: the books say %+v, the vendors were paid %d (%v)", mode, spend, nano, err)
	}
	got.spent = spend.Settled
	return got
}

// TestADreamTakesTheSlowerTier asks the lead in Azure's tier flex: it finds what a live dream finds for half of what
// that pays Azure, and tells what it would have cost live. Where flex is full each question is asked in the usual tier
// at once, and after some of them flex is left alone.
func TestADreamTakesTheSlowerTier(t *testing.T) {
	t.Parallel()
	live := dreamBySol(t, "live", 50, nil)
	if live.tiers["flex"] != 0 || live.Counts.Slower != 0 || live.LiveCost != live.spent {
		t.Errorf("live, it was answered by %v, counts %+v, live cost %d of %d", live.tiers, live.Counts, live.LiveCost, live.spent)
	}
	slower := dreamBySol(t, "auto", 50, nil)
	if slower.tiers["flex"] == 0 || len(slower.tiers) != 1 || slower.Counts.Slower != slower.tiers["flex"] || slower.full != 0 {
		t.Errorf("it was answered by %v, counts %+v", slower.tiers, slower.Counts)
	}
	if slower.paid != live.paid/2 || slower.LiveCost != live.LiveCost || slower.Counts.Kept != live.Counts.Kept {
		t.Errorf("in flex %d for Azure, live %d; said to cost %d and %d live; kept %d and %d",
			slower.paid, live.paid, slower.LiveCost, live.LiveCost, slower.Counts.Kept, live.Counts.Kept)
	}
	t.Logf("in flex $%.4f, live $%.4f: %.1f %%", float64(slower.spent)/1e9, float64(live.spent)/1e9,
		100*float64(slower.spent)/float64(live.spent))
	full := dreamBySol(t, "auto", 50, func(b *handlertest.Bench) {
		b.Fault(t, lab.Fault{Vendor: "azure", Kind: lab.FaultCapacity, Tier: "flex"}, 0)
	})
	if full.paid != live.paid || full.Counts.Slower != 0 || full.Counts.Kept != live.Counts.Kept || full.tiers["default"] == 0 {
		t.Errorf("flex is full: %v for %d, counts %+v", full.tiers, full.paid, full.Counts)
	}
	if full.full == 0 || full.full > full.tiers["default"]/2 {
		t.Errorf("flex was asked %d times in vain for %v answers", full.full, full.tiers)
	}
	dear := dreamBySol(t, "auto", 100, nil)
	if dear.tiers["flex"] != 0 || dear.paid != live.paid {
		t.Errorf("where flex costs as much: %v for %d", dear.tiers, dear.paid)
	}
}
