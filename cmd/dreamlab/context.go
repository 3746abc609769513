package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os/exec"
	"slices"
	"strings"

	"dreamlab/cmd/internal/cli/show"
	"dreamlab/cmd/internal/client"
	"dreamlab/cmd/internal/config"
)

// loginVerb keeps a server.
type loginVerb struct {
	URL  string `arg:"" name:"url" help:"the address of the server, as https://dreamlab.example"`
	Name string `placeholder:"NAME" help:"the NAME of the context; the server's host without it"`
}

// Help tells where the key comes from and goes to.
func (*loginVerb) Help() string {
	return `The key is read from DREAMLAB_KEY, else from the standard input. It is tried, and kept with
the address in dreamlab/contexts.yaml in XDG_CONFIG_HOME (.config without it), which only
you may read. The server becomes the current one.`
}

// Run tries the key before it is kept.
func (v *loginVerb) Run(ctx context.Context, sh shell) error {
	at, err := url.Parse(v.URL)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" || at.User != nil {
		return misuse("name the server by its address, as https://dreamlab.example")
	}
	all, err := config.LoadContexts(config.Options{Lookup: sh.lookup})
	if err != nil {
		return err
	}
	key, err := askKey(ctx, sh)
	if err != nil {
		return err
	}
	c := client.New(v.URL, key)
	defer c.Close()
	if _, err := c.Raw(ctx, "/v1/jobs?limit=1"); err != nil {
		return err
	}
	name := cmp.Or(v.Name, at.Host)
	all.Servers[name] = config.Context{URL: strings.TrimRight(v.URL, "/"), Key: key}
	all.Current = name
	if err := all.Save(); err != nil {
		return err
	}
	fmt.Fprintf(sh.out, "the verbs that are clients ask %s now\n", name)
	return nil
}

// maxKey bounds the line of a key, in bytes.
const maxKey = 4096

// askKey reads a key from the environment or from the standard input.
func askKey(ctx context.Context, sh shell) (string, error) {
	if key, _ := sh.lookup("DREAMLAB_KEY"); key != "" {
		return key, nil
	}
	if sh.asks {
		fmt.Fprint(sh.errs, "key: ")
		defer hideTyping(ctx, sh)()
	}
	line, err := bufio.NewReader(io.LimitReader(sh.in, maxKey)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the key: %w", err)
	}
	if line = strings.TrimSpace(line); line == "" {
		return "", fmt.Errorf("%w: set DREAMLAB_KEY, or write the key to the standard input", config.ErrNoKey)
	}
	return line, nil
}

// hideTyping keeps the terminal from showing what is typed, where it has stty(1), until the function
// that it returns is called.
func hideTyping(ctx context.Context, sh shell) func() {
	set := func(ctx context.Context, mode string) {
		stty := exec.CommandContext(ctx, "stty", mode)
		stty.Stdin = sh.in
		if err := stty.Run(); err != nil {
			fmt.Fprintf(sh.errs, "\n(the terminal shows what is typed: stty %s: %v)\n", mode, err)
		}
	}
	set(ctx, "-echo")
	return func() {
		set(context.WithoutCancel(ctx), "echo")
		fmt.Fprintln(sh.errs)
	}
}

// contextVerb works with the servers of login.
type contextVerb struct {
	List   contextListVerb   `cmd:"" help:"list the servers, without their keys"`
	Use    contextUseVerb    `cmd:"" help:"make a server the current one"`
	Remove contextRemoveVerb `cmd:"" help:"forget a server and its key"`
}

// contextListVerb lists the servers.
type contextListVerb struct{ listing }

// contextRow is a server without its key.
type contextRow struct {
	Name    string `json:"name"`
	URL     string `json:"url"`
	Current bool   `json:"current"`
}

// Run lists them by name.
func (v *contextListVerb) Run(_ context.Context, sh shell) error {
	all, err := config.LoadContexts(config.Options{Lookup: sh.lookup})
	if err != nil {
		return err
	}
	rows := []contextRow{}
	for _, name := range slices.Sorted(maps.Keys(all.Servers)) {
		rows = append(rows, contextRow{name, all.Servers[name].URL, name == all.Current})
	}
	return show.Write(v.sink(sh), map[string]any{"contexts": rows}, rows, []show.Column[contextRow]{
		{Head: "NAME", Of: func(c contextRow) string { return c.Name }},
		{Head: "URL", Of: func(c contextRow) string { return c.URL }},
		{Head: "CURRENT", Of: func(c contextRow) string {
			if c.Current {
				return "yes"
			}
			return ""
		}},
	})
}

// contextUseVerb changes the current server.
type contextUseVerb struct {
	Name string `arg:"" help:"the context: dreamlab context list shows them"`
}

// Run makes it the current one.
func (v *contextUseVerb) Run(_ context.Context, sh shell) error {
	all, err := config.LoadContexts(config.Options{Lookup: sh.lookup})
	if err != nil {
		return err
	}
	if _, err := all.Named(v.Name); err != nil {
		return err
	}
	all.Current = v.Name
	return all.Save()
}

// contextRemoveVerb forgets a server.
type contextRemoveVerb struct {
	Name string `arg:"" help:"the context: dreamlab context list shows them"`
}

// Run forgets it. The key goes on to hold at the server.
func (v *contextRemoveVerb) Run(_ context.Context, sh shell) error {
	all, err := config.LoadContexts(config.Options{Lookup: sh.lookup})
	if err != nil {
		return err
	}
	if _, err := all.Named(v.Name); err != nil {
		return err
	}
	delete(all.Servers, v.Name)
	if all.Current == v.Name {
		all.Current = ""
	}
	return all.Save()
}
