package main

import (
	"context"
	"fmt"

	"dreamlab/cmd/internal/cli"
)

// completionVerb prints a script for a shell.
type completionVerb struct {
	Shell string `arg:"" help:"the shell: bash, zsh or fish"`
}

// Help tells what to do with the script.
func (*completionVerb) Help() string {
	return `bash:  source <(dreamlab completion bash)
zsh:   source <(dreamlab completion zsh)
fish:  dreamlab completion fish | source`
}

// Run prints the script.
func (v *completionVerb) Run(_ context.Context, sh shell) error {
	script, err := cli.Script(v.Shell, "dreamlab", "__complete")
	if err != nil {
		return usageError{err}
	}
	fmt.Fprint(sh.out, script)
	return nil
}

// completeVerb is what the scripts ask.
type completeVerb struct {
	Words []string `arg:"" optional:"" help:"the words of the line behind the program's name"`
}

// Run prints a candidate a line, with a tab before its help.
func (v *completeVerb) Run(_ context.Context, sh shell) error {
	root, err := commands()
	if err != nil {
		return err
	}
	for _, found := range root.Complete(v.Words) {
		fmt.Fprintf(sh.out, "%s\t%s\n", found.Word, found.Help)
	}
	return nil
}

// manVerb prints the manual page.
type manVerb struct{}

// Run prints it in the language of man(7).
func (*manVerb) Run(_ context.Context, sh shell) error {
	root, err := commands()
	if err != nil {
		return err
	}
	fmt.Fprint(sh.out, root.Manual())
	return nil
}
