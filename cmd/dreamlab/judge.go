package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"dreamlab/cmd/internal/client"
	"dreamlab/handlers/judge/check"
	"dreamlab/providers"
	"dreamlab/store/backoff"
	"dreamlab/store/money"
)

// judgeVerb works with judges.
type judgeVerb struct {
	Check judgeCheckVerb `cmd:"" help:"measure a judge on pairs of answers of which it is known which is better"`
}

// judgeCheckVerb measures a judge.
type judgeCheckVerb struct {
	asking
	File   string `arg:"" optional:"" help:"a file of labelled pairs, or - for the standard input"`
	Judge  string `default:"lead" placeholder:"MODEL" help:"the alias or MODEL that judges"`
	Budget string `placeholder:"USD" help:"the USD that it may cost"`
	AtOnce int    `default:"4" placeholder:"NUMBER" help:"the NUMBER of pairs that are judged at the same time"`
}

// Help tells what files may hold, and what is measured.
func (*judgeCheckVerb) Help() string {
	return `Each pair is judged in both orders by the prompt that dreams and exams use. The calls are
chats, booked as such and kept out of the experiences and the cache. Without a FILE it is
measured on 200 pairs that the program has.

A FILE holds JSON objects, one a line or in an array: with category, question, better and
worse; in LLMBar's form (input, output_1, output_2, label); or in that of MT-Bench's human
judgements (winner, conversation_a, conversation_b).`
}

// Validate refuses a bound that is none.
func (v *judgeCheckVerb) Validate() error {
	if v.AtOnce < 1 {
		return misuse("--at-once has to be at least 1")
	}
	if v.Budget == "" {
		return nil
	}
	if usd, err := money.Parse(v.Budget); err != nil || usd <= 0 {
		return misuse("--budget %q is no amount of dollars: write it as 0.50", v.Budget)
	}
	return nil
}

// Run measures the judge and shows what it was found to be.
func (v *judgeCheckVerb) Run(ctx context.Context, sh shell) error {
	pairs, err := v.pairs(sh)
	if err != nil {
		return err
	}
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	o := check.Options{AtOnce: v.AtOnce, Judged: func(done int) {
		if done%20 == 0 {
			fmt.Fprintf(sh.errs, "… %d of %d pairs\n", done, len(pairs))
		}
	}}
	if v.Budget != "" {
		if o.Budget, err = money.Parse(v.Budget); err != nil {
			return err
		}
	}
	found, err := check.Measure(ctx, (&chatJudge{c, v.Judge}).ask, pairs, o)
	if err != nil {
		return fmt.Errorf("%s of %s judged, for $%s: %w", plural(int64(found.Pairs), "pair"), v.Judge, found.CostUSD, err)
	}
	if v.asJSON() {
		return json.NewEncoder(sh.out).Encode(struct {
			Judge string `json:"judge"`
			check.Result
		}{v.Judge, found})
	}
	return writeCheck(sh.out, v.Judge, found)
}

func (v *judgeCheckVerb) pairs(sh shell) (pairs []check.Pair, err error) {
	if v.File == "" {
		return check.Own()
	}
	err = reading(sh, v.File, func(file io.Reader) error {
		pairs, err = check.Read(file)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.File, err)
	}
	return pairs, nil
}

// chatJudge asks a judge by chats.
type chatJudge struct {
	client *client.Client
	model  string
}

// judgeTries is how often one verdict is asked for, where the server asks to wait.
const judgeTries = 5

// judgePause bounds one wait before the next try.
const judgePause = time.Minute

func (j *chatJudge) ask(ctx context.Context, req providers.Request) (*providers.Reply, money.USD, error) {
	chat := client.ChatRequest{
		Model: j.model, Store: new(false), MaxTokens: req.MaxTokens, Temperature: req.Temperature,
		ResponseFormat: req.ResponseFormat, Own: &client.ChatOptions{Cache: "off"},
	}
	for _, m := range req.Messages {
		chat.Messages = append(chat.Messages, client.Message{Role: m.Role, Content: m.Text()})
	}
	for try := 1; ; try++ {
		answer, err := j.client.Chat(ctx, chat)
		if err == nil {
			cost, err := money.Parse(answer.Served.CostUSD.String())
			return &providers.Reply{Content: answer.Text, Finish: answer.Finish}, cost, err
		}
		var refused *client.Error
		if !errors.As(err, &refused) || try == judgeTries {
			return nil, 0, err
		}
		switch {
		case refused.Code == "unsupported_parameter" && chat.ResponseFormat != nil:
			chat.ResponseFormat = nil // the prompt asks for the object in words, too
		case refused.Status == http.StatusTooManyRequests || refused.Status >= http.StatusInternalServerError:
			if err := backoff.Sleep(ctx, min(max(refused.RetryAfter, time.Second), judgePause)); err != nil {
				return nil, 0, err
			}
		default:
			return nil, 0, err
		}
	}
}

func writeCheck(out io.Writer, model string, r check.Result) error {
	fmt.Fprintf(out, "%s on %s\n\n", model, plural(int64(r.Pairs), "pair"))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name string, rate check.Rate) {
		fmt.Fprintf(table, "%s\t%.1f %%\t%.1f to %.1f %%\t%d of %d\n", name, 100*rate.Rate, 100*rate.Low, 100*rate.High,
			rate.Count, rate.Of)
	}
	fmt.Fprintln(table, "\tRATE\t95 % INTERVAL\tCOUNT")
	line("agrees with the labels", r.Agreement)
	line("both orders agree", r.OrdersAgree)
	line("prefers what is shown first", r.FirstShown)
	line("prefers what is shown second", r.SecondShown)
	line("right where the better is longer", r.LongerBetter)
	line("right where the better is shorter", r.ShorterBetter)
	line("obeys an injection", r.Injected)
	line("verdicts that cannot be read", r.Malformed)
	for _, name := range r.Names() {
		line("category "+name, r.Categories[name])
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nOrder bias %+.1f points, length bias %+.1f points; it cost $%s.\n",
		100*r.OrderBias, 100*r.LengthBias, r.CostUSD)
	if r.OverBudget {
		fmt.Fprintf(out, "The budget left %s out.\n", plural(int64(r.Skipped), "pair"))
	}
	return nil
}
