package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/price"
)

// dayLoad is the load that computes prices and drives nothing.
const dayLoad = "day"

const dayHelp = `The load day drives nothing and calls no vendor: it computes what a day of the
conversations in a FILE costs, by the catalogue's prices of today and a clock of its own.
For this load --data names the FILE; without it the day is the sample's. A FILE holds what
dreamlab price reads. What it assumes:

- conversations begin between 6:00 and 22:00, spread evenly, and their turns come a minute
  apart; an answer is as long as in the file, or as money is reserved for;
- every answer is dreamt over in the night: the base model answers again, and the lead model
  judges both twice (400 tokens of instructions, the conversation and both answers in,
  200 tokens out); lessons and fine-tunes are not counted;
- tokens are counted as the router reserves money for them: two bytes are one, everywhere;
- a chat goes to the cheapest model that can take it, and stays there; "the team's models"
  are those with the same weights at any vendor, "any capable model" answers otherwise;
- batches end in the night and no line is asked again; a vendor that has cached rates
  remembers the prompt of the turn before for five minutes.

The vendors are those configured, or all without any. Prices that are not known are not
guessed: such a model is not asked.`

// pricedDay is what ` + "`bench --load day --json`" + ` prints.
type pricedDay struct {
	Conversations int64        `json:"conversations"`
	Chats         int64        `json:"chats"`
	Dreams        int64        `json:"dream_calls"`
	Lead          string       `json:"lead"`
	Base          string       `json:"base"`
	Plans         []price.Plan `json:"plans"`
}

// priceDay reads what --data names as its file: it needs no directory.
func priceDay(sh shell, s settings, asJSON bool) error {
	data := s.Data
	s.Data = ""
	c, err := s.load(sh)
	if err != nil {
		return err
	}
	known, err := boot.OpenCatalog(c)
	if err != nil {
		return err
	}
	now := time.Now()
	day, err := price.NewDay(price.DayOptions{
		Known: known, Models: (&choice{}).choose(known, boot.OpenVendors(c), now), Lead: c.Team.Lead, Base: c.Team.Base, At: now,
	})
	if err != nil {
		return err
	}
	found := pricedDay{Lead: c.Team.Lead, Base: c.Team.Base}
	read := func(file io.Reader) error {
		return price.Read(file, func(ask price.Ask) error {
			found.Conversations = max(found.Conversations, ask.Conversation+1)
			return day.Add(ask)
		})
	}
	if data == "" {
		err = read(bytes.NewReader(sample))
	} else {
		err = reading(sh, data, read)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", cmp.Or(data, "the sample"), err)
	}
	found.Plans = day.Plans()
	found.Chats, found.Dreams = day.Calls()
	if asJSON {
		return json.NewEncoder(sh.out).Encode(found)
	}
	return found.write(sh.out)
}

// goal is what routing and batches are to bring the day's cost down to, in per cent.
const goal = 35

func (p pricedDay) write(out io.Writer) error {
	fmt.Fprintf(out, "%s, %s, %s of dreams; lead %s, base %s\n\n", plural(p.Conversations, "conversation"),
		plural(p.Chats, "chat"), plural(p.Dreams, "call"), p.Lead, p.Base)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PLAN\tCHATS\tDREAMS\tTOTAL\tOF THE FIRST\tANSWERED BY")
	for _, plan := range p.Plans {
		fmt.Fprintf(table, "%s\t$%s\t$%s\t$%s\t%.1f %%\t%s\n", plan.Name, plan.Chats, plan.Dreams,
			plan.Total, plan.Percent, answeredBy(plan.Models))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nThe goal of routing and batches is %d %% of the first plan.\n", goal)
	return err
}

func answeredBy(models []price.Answered) string {
	var parts []string
	for _, m := range models {
		parts = append(parts, fmt.Sprintf("%d× %s", m.Calls, m.Model))
	}
	return strings.Join(parts, ", ")
}
