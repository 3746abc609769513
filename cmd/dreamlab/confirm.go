package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// errDeclined means that somebody said no.
var errDeclined = errors.New("nothing was changed")

// confirming is the flag of the verbs whose work can not be taken back.
type confirming struct {
	Yes bool `help:"do it without asking"`
}

// confirm asks at a terminal whether to go on. Where nobody can be asked, --yes has to say it.
func (c *confirming) confirm(sh shell, question string) error {
	if c.Yes {
		return nil
	}
	if !sh.asks {
		return misuse("%s: nobody can be asked here: say --yes", question)
	}
	return ask(sh, question)
}

// ask asks at a terminal.
func ask(sh shell, question string) error {
	fmt.Fprintf(sh.errs, "%s? [y/N] ", question)
	answer, err := bufio.NewReader(io.LimitReader(sh.in, 64)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}
