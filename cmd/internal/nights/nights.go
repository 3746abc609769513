// Package nights runs days of traffic and nights of learning, and measures whether the assistant
// answers better for it: by day customers are answered, by night Dream Lab dreams and, when it may,
// tunes; then questions that nothing was learned from are asked, and the answers are held against
// the right ones word by word. No judge has a say in that.
//
// It runs the whole of Dream Lab in a directory of its own, over its public API, with the sandbox
// as vendor. Nobody in it knows the right answers but the customers and the shop's staff.
package nights

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"dreamlab/cmd/internal/client"
	"dreamlab/store/money"
)

// Options say how long and how large a run is. The zero value works.
type Options struct {
	Nights   int    // Defaults to 10.
	Imported int    // conversations a day that the staff answered. Defaults to 200.
	Chats    int    // a day that the assistant answers. Defaults to 40.
	Unseen   int    // questions of the measure. Defaults to 200.
	Seed     uint64 // of the traffic
	Log      io.Writer
	// Tell is called after each night. Defaults to nothing.
	Tell func(Night)
}

func (o Options) filled() Options {
	for _, field := range []struct {
		value   *int
		initial int
	}{{&o.Nights, 10}, {&o.Imported, 200}, {&o.Chats, 40}, {&o.Unseen, 200}} {
		if *field.value <= 0 {
			*field.value = field.initial
		}
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Tell == nil {
		o.Tell = func(Night) {}
	}
	return o
}

// Night is what came of a day and the night after it.
type Night struct {
	Night       int            `json:"night"`
	Experiences int            `json:"experiences"`
	Kept        int            `json:"kept"`
	Rejected    map[string]int `json:"rejected"`
	Cost        money.USD      `json:"dream_cost_usd"`
	PerKept     money.USD      `json:"dream_cost_usd_per_kept"`
	Promoted    bool           `json:"promoted"`
	Tune        string         `json:"tune"` // how it was decided, or why there was none
	F1          float64        `json:"f1"`   // on the unseen questions
	Exact       int            `json:"exact"`
}

// Run runs the nights, and returns what came of each.
func Run(ctx context.Context, o Options) (_ []Night, err error) {
	o = o.filled()
	r := &run{Options: o, shop: shop{town: newTown(o.Seed)}}
	err = within(ctx, setup{log: o.Log}, func(ctx context.Context, p place) error {
		r.client = p.client
		return r.nights(ctx)
	})
	return r.all, err
}

// run is a run under way.
type run struct {
	Options
	shop
	unseen []turn
	all    []Night
}

func (r *run) nights(ctx context.Context) error {
	r.choose()
	for n := range r.Nights {
		night := Night{Night: n + 1}
		for _, part := range []func(context.Context, *Night) error{r.day, r.dream, r.tune, r.measure} {
			if err := part(ctx, &night); err != nil {
				return fmt.Errorf("night %d: %w", n+1, err)
			}
		}
		r.all = append(r.all, night)
		r.Tell(night)
	}
	return nil
}

// day lets the staff answer some customers, and the assistant the others.
func (r *run) day(ctx context.Context, night *Night) error {
	if err := r.staff(ctx, night.Night, r.Imported); err != nil {
		return err
	}
	return r.open(ctx, fmt.Sprintf("day-%d", night.Night), r.Chats, "off")
}

// choose draws the questions that nothing will be learned from. They end in words of their own, so
// that no customer asks the same.
func (r *run) choose() {
	for len(r.unseen) < r.Unseen {
		asked := r.town.draw()
		asked.ask += " I hope you can tell me."
		r.unseen = append(r.unseen, asked)
	}
}

// dream goes over the day.
func (r *run) dream(ctx context.Context, night *Night) error {
	d, err := dream(ctx, r.client, client.DreamRequest{})
	if err != nil {
		return err
	}
	night.Experiences, night.Kept, night.Rejected = d.Counts.Experiences, d.Counts.Kept, d.Counts.Rejected
	if night.Cost, err = money.Parse(d.CostUSD.String()); err != nil {
		return fmt.Errorf("read the dream's cost: %w", err)
	}
	if night.Kept > 0 {
		night.PerKept = night.Cost / money.USD(night.Kept)
	}
	return nil
}

// dream dreams of all that is new.
func dream(ctx context.Context, c *client.Client, how client.DreamRequest) (client.Dream, error) {
	d, err := c.Dream(ctx, how)
	if err != nil {
		return d, err
	}
	if d, err = c.WatchDream(ctx, d.ID, func(client.Dream) {}); err == nil && d.Status != "succeeded" {
		err = fmt.Errorf("the dream is %s: %v", d.Status, d.Error)
	}
	return d, err
}

// tune tunes where Dream Lab's own rules have it: enough new rows, and an exam that can decide.
func (r *run) tune(ctx context.Context, night *Night) error {
	t, err := tune(ctx, r.client)
	night.Promoted, night.Tune = t.promoted, t.why
	return err
}

// tuned is how a tune ended.
type tuned struct {
	promoted bool
	why      string
}

// tune tunes and waits for the end.
func tune(ctx context.Context, c *client.Client) (tuned, error) {
	t, err := c.Tune(ctx, client.TuneRequest{})
	if err != nil {
		return tuned{}, err
	}
	if t, err = c.WatchTune(ctx, t.ID, func(client.Tune) {}); err != nil {
		return tuned{}, err
	}
	switch {
	case t.Decision != nil:
		return tuned{t.Decision.Promoted, t.Decision.Reason}, nil
	case t.Error != nil:
		return tuned{why: t.Error.Message}, nil
	}
	return tuned{why: t.Status}, nil
}

// measure asks the unseen questions, and leaves nothing to learn from.
func (r *run) measure(ctx context.Context, night *Night) error {
	answers, err := r.ask(ctx, "unseen", r.unseen, asking{cache: "off"})
	if err != nil {
		return err
	}
	for i, answer := range answers {
		score := f1(answer.Text, r.unseen[i].answer)
		night.F1 += score / float64(len(answers))
		if score > 1-1e-9 {
			night.Exact++
		}
	}
	return nil
}

// Write prints the nights as a table.
func Write(out io.Writer, all []Night) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NIGHT\tEXPERIENCES\tKEPT\tDREAM $\t$ PER KEPT\tF1 UNSEEN\tEXACT\tPROMOTED\tTUNE")
	for _, n := range all {
		fmt.Fprintf(table, "%d\t%d\t%d\t%s\t%s\t%.3f\t%d\t%v\t%s\n",
			n.Night, n.Experiences, n.Kept, n.Cost, n.PerKept, n.F1, n.Exact, n.Promoted, n.Tune)
	}
	return table.Flush()
}

// WriteJSON prints the nights as one JSON object.
func WriteJSON(out io.Writer, all []Night) error {
	return json.NewEncoder(out).Encode(struct {
		Nights []Night `json:"nights"`
	}{all})
}
