// Package quota says whether an account has room for one more training or deployment, by what its vendor tells of
// its quotas and of what counts against them. A quota that can not be read is a doubt, and no refusal.
//
// It knows no vendor: how quotas are read is in the vendor's folder.
package quota

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dreamlab/providers"
)

// Patience bounds the reading of all quotas of a place.
const Patience = 10 * time.Second

// Quota is a limit of an account, with what counts against it now.
type Quota struct {
	Name   string // as the vendor has it
	Region string // "" where it holds in all
	Limit  int64  // below 0 there is none
	Used   int64
	Need   int64  // what one more takes. Defaults to 1
	Raise  string // how to have it raised
}

// Full says why there is no room for one more, or is "".
func (q Quota) Full() string {
	need := max(q.Need, 1)
	if q.Limit < 0 || q.Used <= q.Limit-need {
		return ""
	}
	where := ""
	if q.Region != "" {
		where = " in " + q.Region
	}
	return fmt.Sprintf("the quota %q%s is %d, %d of it in use, and %d more would be needed: %s",
		q.Name, where, q.Limit, q.Used, need, q.Raise)
}

// Source is where quotas are read.
type Source struct {
	Name  string // such as "Service Quotas of SageMaker"
	Needs string // what the credential has to be allowed for it
}

// Room reads quotas, and says which of them have no room for one more and what could not be read: "" where nothing. What
// was read before a failure counts.
func (s Source) Room(ctx context.Context, read func(context.Context) ([]Quota, error)) (full, doubt string) {
	slow := &providers.LimitError{Limit: "total", After: Patience}
	ctx, cancel := context.WithTimeoutCause(ctx, slow.After, slow)
	defer cancel()
	quotas, err := read(ctx)
	var without []string
	for _, q := range quotas {
		if why := q.Full(); why != "" {
			without = append(without, why)
		}
	}
	if err != nil {
		doubt = "whether the account has room is not known, as " + s.Name + " could not be read: " + s.why(err)
	}
	return strings.Join(without, "; "), doubt
}

// why says in our words what failed: a vendor's own may name the account's users.
func (s Source) why(err error) string {
	var e *providers.Error
	switch {
	case !errors.As(err, &e):
		return err.Error()
	case e.Kind == providers.KindPermission || e.Kind == providers.KindAuth:
		return fmt.Sprintf("%s (%s): %s", e.Kind, cmp.Or(e.PlainCode(), "no code"), s.Needs)
	case e.Status == 0 && e.Message != "":
		return e.Message
	case e.Status == 0 && e.Err != nil:
		return e.Err.Error()
	}
	return fmt.Sprintf("%s (%s)", e.Kind, cmp.Or(e.PlainCode(), fmt.Sprintf("HTTP %d", e.Status)))
}
