package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"dreamlab/cmd/internal/cli/show"
	"dreamlab/cmd/internal/client"
)

// routeVerb works with the routes of aliases.
type routeVerb struct {
	List     routeListVerb     `cmd:"" default:"1" help:"list the aliases and where their traffic goes"`
	Show     routeShowVerb     `cmd:"" help:"show a route, and its canary"`
	History  routeHistoryVerb  `cmd:"" help:"list the versions of a route"`
	Set      routeSetVerb      `cmd:"" help:"send the traffic of an alias to models"`
	Rollback routeRollbackVerb `cmd:"" help:"put an earlier version of a route in force"`
	Canary   routeCanaryVerb   `cmd:"" help:"pause, resume, promote or abort a canary"`
}

// routeView is a version of a route.
type routeView struct {
	Alias   string        `json:"alias"`
	Version int64         `json:"version"`
	Targets []routeTarget `json:"targets"`
	Reason  string        `json:"reason"`
	Author  string        `json:"author"`
	Created *int64        `json:"created_at"`
	History []routeView   `json:"history,omitempty"`
}

// routeTarget is a model with its share of a tier.
type routeTarget struct {
	Model  string `json:"model"`
	Weight int    `json:"weight"`
	Tier   int    `json:"tier"`
}

// String returns the target in the form that `route set` takes.
func (t routeTarget) String() string {
	text := t.Model + "=" + strconv.Itoa(t.Weight)
	if t.Tier > 0 {
		text += "@" + strconv.Itoa(t.Tier)
	}
	return text
}

func routeColumns() []show.Column[routeView] {
	return []show.Column[routeView]{
		{Head: "ALIAS", Of: func(r routeView) string { return r.Alias }},
		{Head: "VERSION", Of: func(r routeView) string { return fmt.Sprint(r.Version) }},
		{Head: "TARGETS", Of: func(r routeView) string {
			var targets []string
			for _, t := range r.Targets {
				targets = append(targets, t.String())
			}
			return strings.Join(targets, " ")
		}},
		{Head: "AUTHOR", Of: func(r routeView) string { return r.Author }},
		{Head: "REASON", Of: func(r routeView) string { return r.Reason }},
	}
}

// routeListVerb lists routes.
type routeListVerb struct {
	reaching
	listing
}

// Run lists the routes in force.
func (v *routeListVerb) Run(ctx context.Context, sh shell) error {
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	raw, err := c.Raw(ctx, "/v1/routes")
	if err != nil {
		return err
	}
	var page struct{ Data []routeView }
	if err := json.Unmarshal(raw, &page); err != nil {
		return fmt.Errorf("read the routes: %w", err)
	}
	return show.Write(v.sink(sh), raw, page.Data, routeColumns())
}

// routeShowVerb shows a route.
type routeShowVerb struct {
	Alias string `arg:"" help:"the alias"`
	asking
}

// Run shows it.
func (v *routeShowVerb) Run(ctx context.Context, sh shell) error {
	return v.look(ctx, sh, client.Path("/v1/routes", v.Alias), "alias", "version", "targets", "reason", "author", "created_at",
		"canary.model=canary", "canary.share=share", "canary.status=status", "canary.reason=why", "canary.seen.win_rate=win rate",
		"canary.until=not before")
}

// routeHistoryVerb lists the versions of a route.
type routeHistoryVerb struct {
	Alias string `arg:"" help:"the alias"`
	reaching
	listing
}

// Run lists them, the newest first.
func (v *routeHistoryVerb) Run(ctx context.Context, sh shell) error {
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	raw, err := c.Raw(ctx, client.Path("/v1/routes", v.Alias))
	if err != nil {
		return err
	}
	var route routeView
	if err := json.Unmarshal(raw, &route); err != nil {
		return fmt.Errorf("read the route: %w", err)
	}
	return show.Write(v.sink(sh), raw, route.History, routeColumns())
}

// routeFields are shown of a route that was changed.
const routeFields = "alias version targets reason"

// routeSetVerb sets a route.
type routeSetVerb struct {
	Alias   string   `arg:"" help:"the alias"`
	Targets []string `arg:"" name:"target" help:"the models, as vendor/model=WEIGHT or vendor/model=WEIGHT@TIER"`
	Reason  string   `placeholder:"TEXT" help:"why, a TEXT for the history"`
	asking
}

// Help tells what weights and tiers are.
func (*routeSetVerb) Help() string {
	return `A TARGET is vendor/model, vendor/model=WEIGHT (100 without it) or vendor/model=WEIGHT@TIER.
Models of tier 0, which is meant without one, share the traffic by weight; those of the next
tier are asked when all before them failed. A route that was set meanwhile is not replaced.`
}

// Run reads the targets, and sets them upon the version that it sees.
func (v *routeSetVerb) Run(ctx context.Context, sh shell) error {
	body := map[string]any{}
	if v.Reason != "" {
		body["reason"] = v.Reason
	}
	targets := make([]routeTarget, len(v.Targets))
	for i, text := range v.Targets {
		var err error
		if targets[i], err = parseTarget(text); err != nil {
			return err
		}
	}
	body["targets"] = targets
	return v.change(ctx, sh, func(c *client.Client) (json.RawMessage, error) {
		return c.Do(ctx, http.MethodPut, client.Path("/v1/routes", v.Alias), body)
	}, strings.Fields(routeFields)...)
}

// parseTarget reads vendor/model=WEIGHT@TIER. Names of models may hold = and @ themselves.
func parseTarget(text string) (routeTarget, error) {
	t := routeTarget{Model: text, Weight: 100}
	at := strings.LastIndex(text, "=")
	if at < 0 {
		return t, nil
	}
	weight, tier, tiered := strings.Cut(text[at+1:], "@")
	var err error
	t.Model = text[:at]
	if t.Weight, err = strconv.Atoi(weight); err == nil && tiered {
		t.Tier, err = strconv.Atoi(tier)
	}
	if err != nil || t.Model == "" {
		return t, misuse("a target is vendor/model=WEIGHT or vendor/model=WEIGHT@TIER, not %q", text)
	}
	return t, nil
}

// routeRollbackVerb goes back.
type routeRollbackVerb struct {
	Alias   string `arg:"" help:"the alias"`
	To      int64  `placeholder:"VERSION" help:"the VERSION to go back to; what served before without it"`
	Preview bool   `help:"only show what would serve"`
	asking
}

// Run goes back by a new version, which can be taken back itself.
func (v *routeRollbackVerb) Run(ctx context.Context, sh shell) error {
	body := map[string]any{}
	if v.To != 0 {
		body["version"] = v.To
	}
	path := client.Path("/v1/routes", v.Alias) + "/rollback"
	if v.Preview {
		path += "?preview=true"
	}
	return v.change(ctx, sh, func(c *client.Client) (json.RawMessage, error) {
		return c.Do(ctx, http.MethodPost, path, body)
	}, strings.Fields(routeFields)...)
}

// routeCanaryVerb moves a canary.
type routeCanaryVerb struct {
	Alias   string `arg:"" help:"the alias"`
	Action  string `arg:"" enum:"pause,resume,promote,abort" help:"pause, resume, promote or abort"`
	Preview bool   `help:"only show what would answer"`
	asking
}

// Help tells what the actions do.
func (*routeCanaryVerb) Help() string {
	return `pause keeps the share of the candidate from growing and pairs of answers from being judged, resume
lets it go on, promote gives it all conversations, and abort gives them back to the champion. All hold
for a canary in its shadow, too.`
}

// Run asks for the action, and shows the route behind it.
func (v *routeCanaryVerb) Run(ctx context.Context, sh shell) error {
	path := client.Path("/v1/routes", v.Alias) + "/canary"
	if v.Preview {
		path += "?preview=true"
	}
	return v.change(ctx, sh, func(c *client.Client) (json.RawMessage, error) {
		return c.Do(ctx, http.MethodPost, path, map[string]any{"action": v.Action})
	}, strings.Fields(routeFields)...)
}
