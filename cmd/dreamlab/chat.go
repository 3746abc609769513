package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"dreamlab/cmd/internal/client"
)

// chatVerb asks a question.
type chatVerb struct {
	asking
	Model        string   `default:"assistant" placeholder:"MODEL" help:"the alias or the MODEL to ask"`
	Conversation string   `placeholder:"ID" help:"the ID that ties this turn to others"`
	Text         []string `arg:"" help:"what to ask, in quotation marks"`
}

// Run asks, and writes the answer piece by piece.
func (v *chatVerb) Run(ctx context.Context, sh shell) error {
	text := strings.TrimSpace(strings.Join(v.Text, " "))
	if text == "" {
		return misuse("say what to ask, in quotation marks")
	}
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	ask := client.ChatRequest{Model: v.Model, Messages: []client.Message{{Role: "user", Content: text}}}
	if v.Conversation != "" {
		ask.Metadata = map[string]string{"conversation_id": v.Conversation}
	}
	if v.asJSON() {
		answer, err := c.Chat(ctx, ask)
		if err != nil {
			return err
		}
		return json.NewEncoder(sh.out).Encode(answer)
	}
	answer, err := c.Stream(ctx, ask, func(piece string) { fmt.Fprint(sh.out, piece) })
	if err != nil {
		return err
	}
	fmt.Fprintln(sh.out)
	fmt.Fprintf(sh.errs, "%s/%s, $%s%s\n", answer.Served.Provider, answer.Served.Model,
		answer.Served.CostUSD, sandboxed(answer.Served.Sandbox))
	return nil
}

// sandboxed returns the mark that is shown beside the name of an emulated model.
func sandboxed(sandbox bool) string {
	if sandbox {
		return " (sandbox)"
	}
	return ""
}
