package learn

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"dreamlab/store/db"
	"dreamlab/store/job"
)

// Route is one version of an alias's targets: the table that traffic follows.
// Versions are never changed; the highest is in force. A tenant's own go on from
// those of the common route, so that a number means one version to it.
type Route struct {
	Tenant  string // "" holds for every tenant that has no route of its own
	Alias   string
	Version int64
	// Origin is the version that first had these targets: an earlier one where a
	// rollback took them up again. Of all versions of a canary it is the first, so that a rollback
	// leads to what was before it. Defaults to Version.
	Origin  int64
	Targets []RouteTarget
	Reason  string
	Author  string // key_…, tun_…, config
	Created time.Time
}

var aliasName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// ValidAlias tells whether an alias can have the name.
func ValidAlias(name string) bool { return aliasName.MatchString(name) }

// RouteTarget is a model and its share of an alias's traffic.
type RouteTarget struct {
	Model  string `json:"model"`  // provider/model
	Weight int    `json:"weight"` // share of its tier's sum
	Tier   int    `json:"tier"`   // 0 is tried first; later tiers when it fails
	// Canary is the canary of which this is the candidate; the champion stands behind it. "" for none.
	Canary string `json:"canary,omitempty"`
}

const routeColumns = `tenant, alias, version, targets, reason, author, origin, created`

func scanRoute(scan func(...any) error) (Route, error) {
	var r Route
	var targets string
	var created *int64
	err := scan(&r.Tenant, &r.Alias, &r.Version, &targets, &r.Reason, &r.Author, &r.Origin, &created)
	if err == nil {
		err = json.Unmarshal([]byte(targets), &r.Targets)
	}
	r.Created = db.TimeOf(created)
	return r, err
}

// Route returns the version in force of a tenant's alias, the common one where
// the tenant has none.
func (q *TuneQueries) Route(ctx context.Context, tenant, alias string) (Route, error) {
	return db.Read(ctx, q.Tx, scanRoute, `SELECT `+routeColumns+` FROM routes WHERE tenant IN ($1, '') AND alias = $2
		ORDER BY tenant DESC, version DESC LIMIT 1`, tenant, alias)
}

// Mark names a version of an alias's route, unique among those of all tenants, as a new job
// stores it. It is "" where there is no route.
func (r Route) Mark() string {
	if r.Version == 0 {
		return ""
	}
	return r.Tenant + "/" + strconv.FormatInt(r.Version, 10)
}

// Routes returns the version in force of every alias that a tenant can name.
// There are few: they are configured by hand.
func (q *TuneQueries) Routes(ctx context.Context, tenant string) ([]Route, error) {
	var routes []Route
	err := db.Stream(ctx, q.Tx, scanRoute, func(r Route) error {
		if n := len(routes); n == 0 || routes[n-1].Alias != r.Alias {
			routes = append(routes, r)
		}
		return nil
	}, `SELECT `+routeColumns+` FROM routes r WHERE tenant IN ($1, '') AND version = (SELECT MAX(version)
		FROM routes l
		WHERE l.tenant = r.tenant AND l.alias = r.alias) ORDER BY alias, tenant DESC`, tenant)
	return routes, err
}

// RouteHistory returns the newest versions that a tenant's alias had, at most limit: its own,
// and before those the common route's.
func (q *TuneQueries) RouteHistory(ctx context.Context, tenant, alias string, limit int) ([]Route, error) {
	var routes []Route
	err := db.Stream(ctx, q.Tx, scanRoute, func(r Route) error {
		routes = append(routes, r)
		return nil
	}, `SELECT `+routeColumns+` FROM routes WHERE tenant IN ($1, '') AND alias = $2
		AND (tenant = $1 OR version < COALESCE(
			(SELECT MIN(o.version) FROM routes o WHERE o.tenant = $1 AND o.alias = $2), version + 1))
		ORDER BY version DESC LIMIT $3`, tenant, alias, int64(limit))
	return routes, err
}

// RoutesSince returns the versions of a tenant's own routes that were put in force at a time or
// later, at most limit, the oldest first.
func (q *TuneQueries) RoutesSince(ctx context.Context, tenant string, since time.Time, limit int) ([]Route, error) {
	var routes []Route
	err := db.Stream(ctx, q.Tx, scanRoute, func(r Route) error {
		routes = append(routes, r)
		return nil
	}, `SELECT `+routeColumns+` FROM routes WHERE tenant = $1 AND created >= $2 ORDER BY created, alias, version LIMIT $3`,
		tenant, since.UnixMicro(), int64(limit))
	return routes, err
}

// Before returns the version that was in force before the present targets were, looking from
// the newest version back; false where there is none. Versions that were rolled back are
// skipped: going back twice goes back two steps.
func Before(history []Route) (Route, bool) {
	for _, r := range history {
		if r.Version < history[0].Origin {
			return r, true
		}
	}
	return Route{}, false
}

// SetRoute puts a new version in force if the version in force is still the one that the caller
// read (r.Version: the common route's where the tenant has none of its own, 0 for none).
// Otherwise, as when two promote at once, it fails with db.ErrConflict, and with a *TaintedError
// where a new target learned from what was forgotten. It must run in a transaction.
func (q *TuneQueries) SetRoute(ctx context.Context, r Route) (Route, error) {
	if err := q.refuseTainted(ctx, r); err != nil {
		return r, err
	}
	seen := r.Version
	r.Version = seen + 1
	if r.Origin == 0 {
		r.Origin = r.Version
	}
	n, err := q.Exec(ctx, `INSERT INTO routes (tenant, alias, version, targets, reason, author, origin, created)
		SELECT $1, $2, $3, $4, $5, $6, $7, {now}
		WHERE COALESCE((SELECT MAX(version) FROM routes WHERE tenant = $1 AND alias = $2),
			(SELECT MAX(version) FROM routes WHERE tenant = '' AND alias = $2), 0) = $8`,
		r.Tenant, r.Alias, r.Version, db.Encode(r.Targets), r.Reason, r.Author, r.Origin, seen)
	if err != nil {
		return r, err
	}
	if n == 0 {
		return r, fmt.Errorf("route %s was changed since version %d: %w", r.Alias, seen, db.ErrConflict)
	}
	return r, job.Cite(ctx, q.Tx, r.Tenant, r.Alias+"/"+strconv.FormatInt(r.Version, 10), r.models()...)
}

// Names tells whether a model is among the route's targets.
func (r Route) Names(model string) bool { return slices.Contains(r.models(), model) }

func (r Route) models() []string {
	names := make([]string, len(r.Targets))
	for i, t := range r.Targets {
		names[i] = t.Model
	}
	return names
}
