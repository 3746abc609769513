package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strings"

	"dreamlab/cmd/internal/client"
)

// chatOptions are the flags of `chat`.
type chatOptions struct {
	asking
	model, conversation string
}

func chatVerb() verb {
	return verb{
		name: "chat", client: true, args: "TEXT…", help: "ask a question and show the answer as it comes",
		make: func(flags *flag.FlagSet) action {
			var o chatOptions
			o.declare(flags)
			flags.StringVar(&o.model, "model", "assistant", "the alias or the `MODEL` to ask")
			flags.StringVar(&o.conversation, "conversation", "", "the `ID` that ties this turn to others")
			return o.run
		},
	}
}

func (o *chatOptions) run(ctx context.Context, sh shell, args []string) error {
	text := strings.TrimSpace(strings.Join(args, " "))
	if text == "" {
		return misuse("say what to ask, in quotation marks")
	}
	c, err := o.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	ask := client.ChatRequest{Model: o.model, Messages: []client.Message{{Role: "user", Content: text}}}
	if o.conversation != "" {
		ask.Metadata = map[string]string{"conversation_id": o.conversation}
	}
	if o.json {
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
