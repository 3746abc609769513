// Package site makes Dream Lab's documentation as plain HTML files, which need no server, no script
// (but for a page to chat) and no other origin: guides for tasks and the runbook of operators (the folder guide, in a small
// part of Markdown), every setting, every verb, every route of openapi.yaml, and each vendor with its
// variables and models.
package site

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dreamlab/cmd/internal/cli"
	"dreamlab/cmd/internal/markdown"
	"dreamlab/providers"
	"dreamlab/providers/catalog"
)

// Source is what the pages are made of that the program knows itself.
type Source struct {
	OpenAPI []byte
	Vendors []providers.Vendor
	Models  []catalog.Model
	Verbs   *cli.Program // optional
}

// Page is one file.
type Page struct {
	Name  string // of the file
	Title string
	Group string // its heading in the menu
	Body  template.HTML

	Script string // the file of it, where the page needs one
}

//go:embed guide/*.md
var guides embed.FS

//go:embed page.html
var frame string

//go:embed site.css
var style []byte

//go:embed chat.html
var chatBody string

//go:embed chat.js
var chatScript []byte

// Pages returns all pages in the order of the menu. The first is index.html.
func Pages(from Source) ([]Page, error) {
	pages, err := guidePages()
	if err != nil {
		return nil, err
	}
	routes, err := routePages(from.OpenAPI)
	if err != nil {
		return nil, err
	}
	if from.Verbs != nil {
		pages = append(pages, verbPage(from.Verbs))
	}
	pages = append(pages, routes...)
	return append(pages, vendorPages(from)...), nil
}

// Chat is the page that chats with an API of the reader's choice. It belongs to the files alone: the
// pages of the API have one of their own.
func Chat() Page {
	return Page{Name: "chat.html", Title: "Chat", Group: "Try it", Body: template.HTML(chatBody), Script: chatFile}
}

const chatFile = "chat.js"

// guidePages reads the guides. Their files begin with a number that orders them, and with the heading
// that is their title.
func guidePages() ([]Page, error) {
	files, err := fs.Glob(guides, "guide/*.md")
	if err != nil {
		return nil, fmt.Errorf("list the guides: %w", err)
	}
	var pages []Page
	for _, file := range files {
		text, err := guides.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read a guide: %w", err)
		}
		_, name, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".md"), "-")
		title, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# "), "\n")
		pages = append(pages, Page{Name: name + ".html", Title: title, Group: "Guides", Body: markdown.Guide(string(text))})
	}
	return pages, nil
}

// verbPage shows the help of each verb.
func verbPage(root *cli.Program) Page {
	var text strings.Builder
	text.WriteString("# The command line\n")
	root.Walk(func(verb cli.Command) {
		fmt.Fprintf(&text, "\n## %s\n\n```\n%s\n```\n", verb.Path(), strings.TrimSpace(verb.Usage()))
	})
	return Page{Name: "verbs.html", Title: "The command line", Group: "Reference", Body: markdown.Guide(text.String())}
}

// Write writes the pages and their style into a directory, which is made where there is none.
func Write(dir string, pages []Page) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the site: %w", err)
	}
	into, err := os.OpenRoot(dir) // no name of a page leads out of it
	if err != nil {
		return fmt.Errorf("write the site: %w", err)
	}
	err = writeAll(into, pages)
	if err = errors.Join(err, into.Close()); err != nil {
		return fmt.Errorf("write the site: %w", err)
	}
	return nil
}

func writeAll(into *os.Root, pages []Page) error {
	around, err := template.New("page").Parse(frame)
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{"site.css": style, chatFile: chatScript} {
		if err := into.WriteFile(name, text, 0o644); err != nil {
			return err
		}
	}
	for _, page := range pages {
		var text bytes.Buffer
		if err := around.Execute(&text, struct {
			Page
			Menu []Page
		}{page, pages}); err != nil {
			return err
		}
		if err := into.WriteFile(page.Name, text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
