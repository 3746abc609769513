package providertest

import (
	"errors"
	"maps"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/bill"
)

const day = 24 * time.Hour

func (r *rig) biller(t *testing.T, key string) bill.Biller {
	t.Helper()
	biller, err := r.harness.Bills(r.open(t, key), r.base, key, providers.Config{HTTP: r.client})
	if err != nil {
		t.Fatalf("open the bills: %v", err)
	}
	return biller
}

// billed is what a side says of a day.
type billed struct{ calls, in, out, nano int64 }

// bill pays on days that are farther apart than a page reaches, and wants the bill of each day, and
// of no day that was not asked for.
func (h Harness) bill(t *testing.T) {
	r := h.rig(t)
	from := r.lab(t).Now().UTC().Truncate(day)
	end := from
	for chats := range 4 {
		for range chats + 1 {
			if _, err := r.driver.Chat(t.Context(), r.request(question), nil); err != nil {
				t.Fatal(err)
			}
		}
		end = r.lab(t).Now().UTC().Truncate(day)
		r.advance(40 * day)
	}
	told, tells := map[string]billed{}, billed{}
	err := r.biller(t, Key).Bill(t.Context(), from, end, func(line bill.Line) error { // without the last of the days
		date := line.Day.Format(time.DateOnly)
		sum := told[date]
		for _, part := range []struct {
			from     *int64
			to, tell *int64
		}{{line.Calls, &sum.calls, &tells.calls}, {line.Input, &sum.in, &tells.in}, {line.Output, &sum.out, &tells.out},
			{line.Nano, &sum.nano, &tells.nano}} {
			if part.from != nil {
				*part.to += *part.from
				*part.tell = 1
			}
		}
		told[date] = sum
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	paid := map[string]billed{}
	for _, p := range r.lab(t).Bill(r.vendor(Key).Name) {
		if p.Day < end.Format(time.DateOnly) {
			sum := paid[p.Day]
			sum.calls += p.Calls * tells.calls
			sum.in += p.TokensIn * tells.in
			sum.out += p.TokensOut * tells.out
			sum.nano += p.NanoUSD * tells.nano
			paid[p.Day] = sum
		}
	}
	if len(paid) != 3 || !maps.Equal(told, paid) {
		t.Errorf("the bill tells %v, paid was %v", told, paid)
	}
}

// billErrors has the vendor refuse a key, fail, and answer with what can not be read.
func (h Harness) billErrors(t *testing.T) {
	r := h.rig(t)
	end := r.lab(t).Now().UTC().Truncate(day)
	ask := func(key string) error {
		return r.biller(t, key).Bill(t.Context(), end.Add(-day), end, func(bill.Line) error { return nil })
	}
	var e *providers.Error
	if h.Token == nil { // else it is the token that is refused
		if err := ask("wrong"); !errors.As(err, &e) || e.Kind != providers.KindAuth {
			t.Errorf("a wrong key is %v", err)
		}
	}
	r.during(answering(500, nil, `{}`), func() {
		if err := ask(Key); !errors.As(err, &e) || e.Kind != providers.KindServer {
			t.Errorf("a failure is %v", err)
		}
	})
	for _, body := range []string{
		`[]`, `{"data":[{"results":[{"amount":{"value":1,"currency":"eur"},"line_item":"m"}]}],` +
			`"properties":{"columns":[{"name":"Cost"}],"rows":[[1]]}}`,
	} {
		r.during(answering(200, nil, body), func() {
			if err := ask(Key); err == nil {
				t.Errorf("%s is read", body)
			}
		})
	}
}
