package config

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"dreamlab/providers"
	"dreamlab/store/money"
)

// plainPath is a path that no browser and no proxy writes otherwise.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

var plainName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// check adds every fault of the values, whatever their source.
func (l *loader) check() {
	l.checkAddresses()
	l.checkModels()
	l.checkCaps()
	l.checkPolicies()
	l.checkLimits()
	l.checkLanes()
	l.checkTenants()
	l.checkDream()
	l.checkTune()
	l.checkBudgets()
	l.checkPlan()
	l.checkSchedules()
	l.checkServers()
	l.checkAccounts()
	checkOIDC(l)
	checkSemantic(l)
	checkPII(l)
}

// at names a key and where its value comes from.
func (l *loader) at(key string) string {
	if origin := l.origins[key]; origin != "" {
		return key + " (" + origin + ")"
	}
	return key
}

func (l *loader) checkAddresses() {
	if _, _, err := net.SplitHostPort(l.Addr); err != nil {
		l.fault("%s: %q is no address: write host:port, such as %s", l.at("addr"), l.Addr, DefaultAddr)
	}
	if _, _, err := net.SplitHostPort(l.Metrics); err != nil && l.Metrics != "" {
		l.fault("%s: %q is no address: write host:port, such as 127.0.0.1:9091", l.at("metrics"), l.Metrics)
	}
	if (l.EventsAccount == "") != (l.EventsAudience == "") {
		l.fault("%s, %s: set both or neither", l.at("events_account"), l.at("events_audience"))
	}
	if l.Prefix = strings.TrimSuffix(l.Prefix, "/"); l.Prefix != "" && !plainPath.MatchString(l.Prefix) {
		l.fault("%s: %q is no path: write it as /lab or /a/b", l.at("prefix"), l.Prefix)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, l.Log) {
		l.fault("%s: %q is no level: use debug, info, warn or error", l.at("log"), l.Log)
	}
	l.checkURL("database_url", l.Database, "postgres", "postgresql")
	l.checkURL("redis_url", l.Redis, "redis", "rediss", "unix", "redis+sentinel", "redis+cluster")
	l.checkURL("bucket_url", l.Bucket, "gs", "file")
	if (l.TLS.Cert == "") != (l.TLS.Key == "") {
		l.fault("%s: give both cert and key, or neither", l.at("tls"))
	}
	if l.Grace < 0 {
		l.fault("%s: it can not be negative", l.at("grace"))
	}
	if l.Retention < 25*time.Hour {
		l.fault("%s: give at least 25h: idempotency keys hold for a day", l.at("retention"))
	}
	if l.RecordRetention < 62*24*time.Hour {
		l.fault("%s: give at least 1488h: budgets and usage ask for the calls of this month and the one before", l.at("record_retention"))
	}
	if l.ExperienceRetention != 0 && l.ExperienceRetention < l.Retention {
		l.fault("%s: give at least retention, whose jobs hold the same texts, or 0s for ever", l.at("experience_retention"))
	}
	if l.DreamRetention != 0 && l.DreamRetention < 30*24*time.Hour {
		l.fault("%s: give at least 720h, in which dreams can be undone, or 0s for ever", l.at("dream_retention"))
	}
	if l.Unfetched < 10*time.Minute {
		l.fault("%s: give at least 10m: as long as replies can be read again", l.at("unfetched"))
	}
	l.positive("backlog", l.Backlog)
	l.positive("max_body", l.MaxBody)
	l.positive("cache.max_bytes", l.Cache.MaxBytes)
	if l.Cache.Stale < 0 {
		l.fault("%s: give 0s or more", l.at("cache.stale_while_revalidate"))
	}
	if l.Cache.TTL < time.Second {
		l.fault("%s: give at least 1s, or set cache.enabled to false", l.at("cache.ttl"))
	}
}

// checkURL never shows the URL: it may hold a password.
func (l *loader) checkURL(key, value string, schemes ...string) {
	if value == "" {
		return
	}
	scheme, rest, found := strings.Cut(value, "://")
	if !found || rest == "" || !slices.Contains(schemes, scheme) {
		l.fault("%s: it has to be a URL that begins with %s://", l.at(key), strings.Join(schemes, ":// or "))
		return
	}
	if _, err := url.Parse(value); err != nil {
		l.fault("%s: it is no URL: %s", l.at(key), escaping)
		return
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 && strings.Contains(rest[end:], "@") && ofServer(scheme) {
		l.fault("%s: its user and password end too early: %s", l.at(key), escaping)
	}
}

const escaping = "write what is special in user and password (such as @ / ? # %) as %XX"

// ofServer tells whether URLs of the scheme name a server, and may name a user.
func ofServer(scheme string) bool { return !slices.Contains([]string{"unix", "file", "gs"}, scheme) }

func (l *loader) checkModels() {
	l.checkModel("team.lead", l.Team.Lead)
	l.checkModel("team.base", l.Team.Base)
	if l.Team.Judge != "" {
		l.checkModel("team.judge", l.Team.Judge)
	}
	if l.Team.Verifier != "" {
		l.checkModel("team.verifier", l.Team.Verifier)
	}
	for _, alias := range sorted(l.Routes) {
		for i, target := range l.Routes[alias] {
			l.checkModel("routes."+alias, target.Model)
			if target.Weight < 0 || target.Tier < 0 {
				l.fault("routes.%s[%d]: weight and tier can not be negative", alias, i)
			}
		}
	}
}

func (l *loader) checkCaps() {
	for _, name := range sorted(l.Models) {
		l.checkModel("models", name)
		l.positive("models."+name+".concurrency", l.Models[name].Concurrency)
	}
}

func (l *loader) checkModel(key, model string) {
	provider, name, found := strings.Cut(model, "/")
	if !found || provider == "" || name == "" {
		l.fault("%s: %q is no model: write provider/model, as in groq/openai/gpt-oss-120b", l.at(key), model)
		return
	}
	if l.Sandbox() || l.offers(provider) {
		return
	}
	l.fault("%s: %s is not configured, so that %s can not be asked: set its key, or name another model",
		l.at(key), provider, model)
}

// offers tells whether a provider is configured.
func (l *loader) offers(provider string) bool {
	_, vendor := l.Vendors[provider]
	return vendor || slices.ContainsFunc(l.Servers, func(s Server) bool { return s.Name == provider })
}

func (l *loader) checkLanes() {
	for _, name := range sorted(l.Lanes) {
		lane := l.Lanes[name]
		if !slices.Contains([]string{"chat", "dream", "tune", "system"}, name) {
			l.fault("lanes.%s: there is no such lane: use chat, dream, tune or system", name)
		}
		if min(lane.Concurrency, lane.Window, lane.TenantCap) < 0 || lane.Deadline < 0 {
			l.fault("lanes.%s: nothing in it can be negative", name)
		}
	}
}

func (l *loader) checkShare(key string, value float64) {
	if !(value >= 0 && value <= 1) {
		l.fault("%s: %g is no share: give a number from 0 to 1", l.at(key), value)
	}
}

func (l *loader) checkDream() {
	l.positive("dream.threshold", l.Dream.Threshold)
	l.positive("dream.limit", l.Dream.Limit)
	l.positive("dream.starts_per_day", l.Dream.StartsPerDay)
	l.positive("dream.breaker.window", l.Dream.Breaker.Window)
	l.checkShare("dream.breaker.yield", l.Dream.Breaker.Yield)
	l.checkShare("dream.breaker.malformed", l.Dream.Breaker.Malformed)
	l.checkShare("dream.anticipate", l.Dream.Anticipate)
	if cost := l.Dream.Breaker.Cost; cost != 0 && !(cost >= 1) {
		l.fault("%s: give 1 or more, or 0 to switch it off", l.at("dream.breaker.cost"))
	}
	if l.Dream.GivesWay < 0 {
		l.fault("%s: it can not be negative", l.at("dream.gives_way"))
	}
	if l.Dream.IdleWait < 0 {
		l.fault("%s: it can not be negative", l.at("dream.idle_wait"))
	}
	l.checkTime("dream.off_peak.from", l.Dream.OffPeak.From)
	l.checkTime("dream.off_peak.to", l.Dream.OffPeak.To)
	l.checkZone("dream.off_peak.zone", l.Dream.OffPeak.Zone)
}

// maxCheaper is how much worse a cheaper model may be at most.
const maxCheaper = 0.2

// maxBeta is the largest beta of dpo that a trainer is known to take.
const maxBeta = 2

func (l *loader) checkTune() {
	l.checkShare("tune.key_share", l.Tune.KeyShare)
	if share := l.Tune.ReplayShare; !(share >= 0.0001 && share <= 1) {
		l.fault("%s: %g is out of range: give a number from 0.0001 to 1", l.at("tune.replay_share"), share)
	}
	l.positive("tune.min_examples", l.Tune.MinExamples)
	l.positive("tune.papers", l.Tune.Papers)
	if l.Tune.Margin < 0 || l.Tune.Margin >= 0.5 {
		l.fault("%s: %v is out of range: give at least 0 and less than 0.5", l.at("tune.margin"), l.Tune.Margin)
	}
	for _, alias := range sorted(l.Tune.Cheaper) {
		if len(l.Routes[alias]) == 0 {
			l.fault("tune.cheaper.%s: there is no such alias under routes: name one", alias)
		}
		if margin := l.Tune.Cheaper[alias]; margin <= 0 || margin > maxCheaper {
			l.fault("tune.cheaper.%s: %v is out of range: give more than 0 and at most %v", alias, margin, maxCheaper)
		}
	}
	if !slices.Contains([]string{"sft", "dpo", "auto"}, l.Tune.Method) {
		l.fault("%s: %q is no method: give sft, dpo or auto", l.at("tune.method"), l.Tune.Method)
	}
	if l.Tune.Beta <= 0 || l.Tune.Beta > maxBeta {
		l.fault("%s: %v is out of range: give more than 0 and at most %v", l.at("tune.beta"), l.Tune.Beta, maxBeta)
	}
	checkHosting(l)
	readPlanted(l)
	if l.Tune.CoolDown < time.Minute || l.Tune.Settle < time.Second {
		l.fault("%s: give at least 1m, and tune.settle at least 1s", l.at("tune.cool_down"))
	}
	l.checkCanary()
	if l.Poll.Training < 0 || l.Poll.Deployment < 0 {
		l.fault("poll: an interval can not be negative")
	}
}

func (l *loader) positive(key string, value int) {
	if value < 1 {
		l.fault("%s: %d is too few: give at least 1", l.at(key), value)
	}
}

func (l *loader) checkTime(key, text string) {
	if _, err := time.Parse("15:04", text); err != nil {
		l.fault("%s: %q is no time of day: write it as 22:00", l.at(key), text)
	}
}

func (l *loader) checkZone(key, name string) {
	if _, err := time.LoadLocation(name); err != nil || name == "" || name == "Local" {
		l.fault("%s: %q is no time zone: use an IANA name such as UTC or Europe/Zurich", l.at(key), name)
	}
}

func (l *loader) checkBudgets() {
	seen := map[Budget]bool{}
	for i, b := range l.Budgets {
		if b.Purpose != "all" && !slices.Contains(money.Purposes(), b.Purpose) {
			l.fault("budgets[%d]: %q is no purpose: use all, %s", i, b.Purpose, strings.Join(money.Purposes(), ", "))
		}
		if b.Per != "day" && b.Per != "month" {
			l.fault("budgets[%d]: per is %q: use day or month", i, b.Per)
		}
		b.USD = 0
		if seen[b] {
			l.fault("budgets[%d]: there is one for %s per %s already: keep one", i, b.Purpose, b.Per)
		}
		seen[b] = true
	}
}

func (l *loader) checkPlan() {
	for name, r := range map[string]Range{
		"hosting": l.Plan.Hosting, "chat": l.Plan.Chat, "tuning": l.Plan.Tuning, "storage": l.Plan.Storage,
	} {
		if r.Low > r.High {
			l.fault("%s: low is more than high", l.at("plan."+name))
		}
	}
}

func (l *loader) checkSchedules() {
	seen := map[string]bool{}
	for i, s := range l.Schedules {
		if !plainName.MatchString(s.ID) || seen[s.ID] {
			l.fault("schedules[%d]: id %q: give each one of its own, of a-z, 0-9 and -", i, s.ID)
		}
		seen[s.ID] = true
		if _, err := cron.ParseStandard(s.Cron); err != nil {
			l.fault("schedules[%d]: cron %q: write five fields, such as */5 * * * *: %v", i, s.Cron, err)
		}
		if !slices.Contains([]string{"", "once", "skip"}, s.Misfire) {
			l.fault("schedules[%d]: misfire is %q: use once or skip", i, s.Misfire)
		}
		if !slices.Contains([]string{"", "skip", "allow"}, s.Overlap) {
			l.fault("schedules[%d]: overlap is %q: use skip or allow", i, s.Overlap)
		}
		if s.Zone == "" {
			l.Schedules[i].Zone = "UTC"
			continue
		}
		l.checkZone("schedules."+s.ID+".zone", s.Zone)
	}
}

func (l *loader) checkServers() {
	seen := map[string]bool{}
	for _, vendor := range l.options.Vendors {
		seen[vendor.Name] = true
	}
	for i, s := range l.Servers {
		if !plainName.MatchString(s.Name) || seen[s.Name] {
			l.fault("servers[%d]: name %q: take one of a-z, 0-9 and - that no other server has", i, s.Name)
		}
		seen[s.Name] = true
		base, err := url.Parse(s.BaseURL)
		if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
			l.fault("servers[%d]: base_url has to begin with http:// or https://", i)
		}
		if s.Prefill != "" && !slices.Contains(providers.Prefills(), s.Prefill) {
			l.fault("servers[%d]: prefill is %q: use one of %v, or leave it out", i, s.Prefill, providers.Prefills())
		}
		l.checkKeys(i, s)
		l.checkLimit(fmt.Sprintf("servers[%d].limits", i), s.Limits)
		if s.Limits.Total != 0 {
			l.fault("servers[%d].limits.total: it holds for all servers of an answer: set it under limits, by alias", i)
		}
		if len(s.Models) == 0 {
			l.fault("servers[%d]: name the models that it serves under models", i)
		}
	}
}
