package price

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/providers/choose"
	"dreamlab/providers/completion"
)

// What a day is taken to be. Conversations begin between six and ten o'clock at night,
// spread evenly; their turns come a minute apart. At night every answer of the day is
// dreamt over: answered again by the base model, and judged twice by the lead model.
const (
	dayBegins    = 6 * time.Hour
	dayLasts     = 16 * time.Hour
	turnEvery    = time.Minute
	cacheLasts   = 5 * time.Minute // a vendor remembers a prompt for this long
	instructions = 400             // tokens that a judge is given beside the conversation
	judgement    = 200             // tokens of its verdict
)

// role is who answers a call.
type role int

const (
	chats   role = iota // by the base model, by day
	replays             // by the base model, at night
	judges              // by the lead model, at night, in a form that the catalogue has to know of
)

// call is one call of the day.
type call struct {
	at           time.Duration // since midnight
	role         role
	conversation int64
	usage        providers.Usage
	able         []int // the models that can take it, by their place in the day's list
}

// target is a model that can be asked.
type target struct {
	model catalog.Model
	price providers.Price
}

// DayOptions say by what a day is priced.
type DayOptions struct {
	Known *catalog.Catalog
	// Models are those that can be asked.
	Models []catalog.Model
	// Lead and Base are the team's models, as provider/model.
	Lead, Base string
	// At is the time whose prices hold.
	At time.Time
}

// Day is a day's calls, to be priced by several plans. It keeps no text.
type Day struct {
	targets    []target
	lead, base int // in targets
	calls      []call
	shared     map[string][]int // lists of models, each kept once
}

// NewDay returns a day without calls. It fails where the price of the team's models is not
// known.
func NewDay(o DayOptions) (*Day, error) {
	d := &Day{lead: -1, base: -1, shared: map[string][]int{}}
	for _, m := range o.Models {
		price, err := o.Known.Price(m.Provider, m.ID, o.At)
		if err != nil || m.RetiredAt(o.At) || !m.GoneAt.IsZero() || m.Can("embeddings") {
			continue // can not be asked, or not be paid for
		}
		switch m.Provider + "/" + m.ID {
		case o.Lead:
			d.lead = len(d.targets)
		case o.Base:
			d.base = len(d.targets)
		}
		d.targets = append(d.targets, target{m, price})
	}
	if o.Lead == o.Base {
		d.base = d.lead
	}
	for _, name := range []string{o.Lead, o.Base} {
		at := d.lead
		if name == o.Base {
			at = d.base
		}
		if at < 0 {
			return nil, fmt.Errorf("price a day: %s is not served, or has no price in the catalogue", name)
		}
	}
	return d, nil
}

// Add adds a chat with what is dreamt over it.
func (d *Day) Add(ask Ask) error {
	if len(ask.Request.Inputs) > 0 {
		return nil // vectors are no part of a conversation
	}
	usage := usageAt(d.targets[d.base].model, &ask)
	chat := call{
		at: startOf(ask.Conversation) + time.Duration(ask.Turn)*turnEvery, role: chats, conversation: ask.Conversation,
		usage: usage, able: d.able(&ask.Request, usage),
	}
	replay := chat
	replay.at, replay.role = 24*time.Hour, replays
	judge := replay
	judge.role = judges
	judge.usage = providers.Usage{Input: usage.Input + 2*usage.Output + instructions, Output: judgement}
	judge.able = d.able(verdict(), judge.usage)
	d.calls = append(d.calls, chat, replay, judge, judge)
	return nil
}

// startOf spreads the conversations over the day, whatever their number: each next one a
// part of the golden section further on.
func startOf(conversation int64) time.Duration {
	const section = 618_034 // millionths
	part := conversation % 1_000_000 * section % 1_000_000
	return dayBegins + dayLasts/1_000_000*time.Duration(part)
}

// verdict is the form of a judge's answer.
func verdict() *providers.Request {
	form := json.RawMessage(`{"type":"json_schema","json_schema":{"name":"verdict","schema":{"type":"object"}}}`)
	return &providers.Request{Settings: completion.Settings{ResponseFormat: form}}
}

// able returns the models that can take a request, of which those that only may know its
// form are not.
func (d *Day) able(req *providers.Request, usage providers.Usage) []int {
	var able []int
	for i, t := range d.targets {
		fits := choose.Fits(req, t.model.Context, t.model.Caps)
		small := t.model.Context > 0 && usage.Input+usage.Output > int64(t.model.Context)
		if fits && !small && (len(req.ResponseFormat) == 0 || t.model.Can("json_schema")) {
			able = append(able, i)
		}
	}
	key := fmt.Sprint(able)
	if _, kept := d.shared[key]; !kept {
		d.shared[key] = able
	}
	return d.shared[key]
}

// inOrder returns the calls as the clock brings them.
func (d *Day) inOrder() []call {
	calls := slices.Clone(d.calls)
	slices.SortStableFunc(calls, func(a, b call) int { return cmp.Compare(a.at, b.at) })
	return calls
}

// alike tells whether two models have the same weights.
func alike(a, b catalog.Model) bool {
	if a.Family == "" || b.Family == "" {
		return a.Provider == b.Provider && a.ID == b.ID
	}
	return strings.EqualFold(a.Family, b.Family)
}
