package main

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"runtime"
)

// openVerb opens the pages.
type openVerb struct {
	ID    string `arg:"" optional:"" name:"id" help:"the id of anything that has a page"`
	Print bool   `help:"only print the address"`
	reaching
}

// Run prints the address and, at a terminal, opens it in the browser.
func (v *openVerb) Run(ctx context.Context, sh shell) error {
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	page := c.URL() + "/app/"
	if v.ID != "" {
		page += "search?" + url.Values{"q": {v.ID}}.Encode()
	}
	fmt.Fprintln(sh.out, page)
	if v.Print || !sh.asks {
		return nil
	}
	return browse(ctx, page)
}

// browse has the desktop open a page.
func browse(ctx context.Context, page string) error {
	words := map[string][]string{
		"darwin": {"open", page}, "windows": {"rundll32", "url.dll,FileProtocolHandler", page},
	}[runtime.GOOS]
	if words == nil {
		words = []string{"xdg-open", page}
	}
	if err := exec.CommandContext(ctx, words[0], words[1:]...).Run(); err != nil {
		return fmt.Errorf("open the browser: %w", err)
	}
	return nil
}
