package main

import (
	"context"
	"fmt"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/config"
	"dreamlab/cmd/internal/site"
)

// siteVerb writes the documentation.
type siteVerb struct {
	Out string `default:"public" placeholder:"DIRECTORY" help:"the DIRECTORY to write to, which is made where there is none"`
}

// Help tells what the files need.
func (*siteVerb) Help() string {
	return "The files are plain HTML, one style, and one script for the page that chats with an API of your choice:\n" +
		"any server can serve them, and so can none."
}

// Run writes a file for each page.
func (v *siteVerb) Run(_ context.Context, sh shell) error {
	known, err := boot.OpenCatalog(config.Default())
	if err != nil {
		return err
	}
	pages, err := site.Pages(boot.Documents(known, sh.root))
	if err != nil {
		return err
	}
	pages = append(pages, site.Chat())
	if err := site.Write(v.Out, pages); err != nil {
		return err
	}
	fmt.Fprintf(sh.out, "%s in %s: begin with %s\n", plural(int64(len(pages)), "page"), v.Out, pages[0].Name)
	return nil
}
