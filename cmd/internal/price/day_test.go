package price_test

import (
	"reflect"
	"strings"
	"testing"

	"dreamlab/cmd/internal/price"
	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/store/money"
)

// team has a lead and a base model, the same weights at another vendor, and a model that
// is cheaper than all and knows no forms.
const team = `{"models":[
 {"vendor":"a","id":"lead","family":"L","capabilities":["json_schema"],"prices":[{"input":"10","output":"20"}]},
 {"vendor":"a","id":"base","family":"B","capabilities":["tools"],"prices":[{"input":"2","output":"4","cached":"1"}]},
 {"vendor":"b","id":"lead","family":"L","capabilities":["json_schema"],"prices":[{"input":"8","output":"16","batch":{"part":"0.5"}}]},
 {"vendor":"b","id":"plain","capabilities":["tools"],"prices":[{"input":"1","output":"1"}]},
 {"vendor":"b","id":"unpriced","capabilities":["json_schema"]}]}`

func newDay(t *testing.T, lead, base string) (*price.Day, error) {
	t.Helper()
	known, err := catalog.Load(strings.NewReader(team))
	if err != nil {
		t.Fatal(err)
	}
	var models []catalog.Model
	for _, m := range known.Models() {
		if m.Provider == "a" || m.Provider == "b" {
			models = append(models, m)
		}
	}
	return price.NewDay(price.DayOptions{Known: known, Models: models, Lead: lead, Base: base, At: now})
}

// TestDay computes the plans of one conversation of two turns by hand.
func TestDay(t *testing.T) {
	t.Parallel()
	day, err := newDay(t, "a/lead", "a/base")
	if err != nil {
		t.Fatal(err)
	}
	asks := read(t, `{"messages":[{"role":"user","content":"`+strings.Repeat("x", 400)+`"},{"role":"assistant","content":"12345678"},`+
		`{"role":"user","content":"x"},{"role":"assistant","content":"1234"}]}`)
	for _, ask := range asks {
		if err := day.Add(ask); err != nil {
			t.Fatal(err)
		}
	}
	first, second := providers.InputBound(&asks[0].Request), providers.InputBound(&asks[1].Request)
	in, out := first+second, int64(6) // of chats, and of replays
	judgedIn, judgedOut := 2*(in+2*out+2*400), int64(2*2*200)
	usd := func(micro int64) money.USD { return money.USD(micro * 1000) } // a price of $1 for a million is a micro-dollar a token
	want := []price.Plan{
		{Chats: usd(10*in + 20*out), Dreams: usd(10*(in+judgedIn) + 20*(out+judgedOut))},
		{Chats: usd(2*in + 4*out), Dreams: usd(2*in + 4*out + 10*judgedIn + 20*judgedOut)},
		{Chats: usd(2*in + 4*out), Dreams: usd(2*in + 4*out + 8*judgedIn + 16*judgedOut)},
		{Chats: usd(2*in + 4*out - first), Dreams: usd(2*in + 4*out + 4*judgedIn + 8*judgedOut)},
		{Chats: usd(in + out), Dreams: usd(in + out + 8*judgedIn + 16*judgedOut)},
		{Chats: usd(in + out), Dreams: usd(in + out + 4*judgedIn + 8*judgedOut)},
	}
	got := day.Plans()
	if len(got) != len(want) {
		t.Fatalf("%d plans", len(got))
	}
	for i, p := range got {
		if p.Chats != want[i].Chats || p.Dreams != want[i].Dreams || p.Total != p.Chats+p.Dreams {
			t.Errorf("%s: chats %v, dreams %v; want %v, %v", p.Name, p.Chats, p.Dreams, want[i].Chats, want[i].Dreams)
		}
	}
	if got[0].Percent != 100 || got[3].Percent >= got[2].Percent || got[3].Models[0].Calls != 4 {
		t.Errorf("%+v", got)
	}
	if again := day.Plans(); !reflect.DeepEqual(again, got) {
		t.Error("the same day costs something else")
	}
	if chats, dreams := day.Calls(); chats != 2 || dreams != 6 {
		t.Errorf("%d chats, %d calls of dreams", chats, dreams)
	}
}

// TestDayWithoutAPrice guesses none.
func TestDayWithoutAPrice(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{{"b/unpriced", "a/base"}, {"a/lead", "b/unpriced"}, {"c/none", "c/none"}} {
		if _, err := newDay(t, pair[0], pair[1]); err == nil || !strings.Contains(err.Error(), "no price in the catalogue") {
			t.Errorf("%v: %v", pair, err)
		}
	}
	day, err := newDay(t, "a/lead", "a/lead")
	if err != nil {
		t.Fatal(err)
	}
	if plans := day.Plans(); plans[0].Total != 0 || plans[0].Percent != 0 || plans[1].Percent != 0 {
		t.Errorf("a day without calls: %+v", plans)
	}
}
