package nights

import (
	"strings"
	"testing"

	"dreamlab/store/money"
)

// TestMonthFitsThePlan runs ten days of a small deployment with both tunes, and holds that all of it stays within the
// first plan, that the lines are the total, and that batches and the cache have saved something.
func TestMonthFitsThePlan(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	bill, err := RunMonth(t.Context(), MonthOptions{Days: 10, Chats: 16, Imported: 12, Seed: 1, Log: &log})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	var table strings.Builder
	if err := bill.Write(&table); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + table.String())
	if !bill.Met() || bill.Plan != 184*money.Dollar || bill.Days != 10 || bill.Dreams != bill.Days || len(bill.Tunes) != 2 {
		t.Errorf("the bill is %+v", bill)
	}
	sum, spent, saved := money.USD(0), map[string]money.USD{}, map[string]money.USD{}
	for _, l := range bill.Lines {
		sum, spent[l.Line] = sum+l.Spent, l.Spent
	}
	for _, s := range bill.Savings {
		saved[s.By] = s.USD
	}
	for _, l := range bill.Lines {
		if l.Spent > l.High {
			t.Errorf("%s is over its line: $%s of $%s", l.Line, l.Spent, l.High)
		}
	}
	if sum != bill.Total || bill.Served >= spent["tuning"] || spent["chat"] <= 0 || spent["tuning"] <= 0 {
		t.Errorf("the lines are %+v of $%s", bill.Lines, bill.Total)
	}
	if saved["batch"] <= 0 || saved["cache"] <= 0 || len(saved) != 4 || (saved["ladder"] > 0) != (bill.Served > 0) {
		t.Errorf("saved was %+v", bill.Savings)
	}
}
