package main

import (
	"context"
	"fmt"
	"os"

	"dreamlab/cmd/internal/client"
)

// notebookVerb hands out the training of a tune for one's own GPU.
type notebookVerb struct {
	asking
	ID      string `arg:"" name:"id" help:"the tune: tun_…"`
	Script  bool   `help:"print a program for any machine with a GPU, in place of a notebook"`
	Out     string `placeholder:"FILE" help:"the FILE to write instead of printing; it is for you alone"`
	Address string `placeholder:"URL" help:"the URL by which the training's machine reaches the server"`
	Base    string `placeholder:"NAME" help:"the NAME of the weights on Hugging Face, without it that of the tune's base"`
}

// Help tells how a run goes on.
func (*notebookVerb) Help() string {
	return `Run it in Google Colab, by colab run, or as a program on a machine with a GPU. It stops ten
minutes before the session's end; run it again and it goes on from its last checkpoint. It
holds the key of this run: whoever has it can report for the run.`
}

// Run prints the notebook, or writes it to a file.
func (v *notebookVerb) Run(ctx context.Context, sh shell) error {
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	book, err := c.Notebook(ctx, v.ID, client.NotebookRequest{Script: v.Script, Address: v.Address, Base: v.Base})
	if err != nil {
		return err
	}
	if v.Out == "" {
		_, err := sh.raw.Write(book)
		return err
	}
	if err := os.WriteFile(v.Out, book, 0o600); err != nil {
		return fmt.Errorf("write the notebook: %w", err)
	}
	fmt.Fprintf(sh.out, "%s: %d bytes\n", v.Out, len(book))
	return nil
}
