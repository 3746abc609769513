package quota_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/quota"
)

// There is room for one more while limit, use and need leave it, and where there is no limit.
func TestFull(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit, used, need int64
		full              bool
	}{{0, 0, 0, true}, {1, 0, 0, false}, {1, 1, 0, true}, {50, 0, 50, false}, {50, 1, 50, true}, {-1, 900, 8, false}, {3, 7, 1, true}} {
		q := quota.Quota{Name: "things", Region: "mars", Limit: c.limit, Used: c.used, Need: c.need, Raise: "ask for more"}
		why := q.Full()
		if (why != "") != c.full || c.full && (!strings.HasSuffix(why, ": ask for more") || !strings.Contains(why, `"things" in mars`)) {
			t.Errorf("%+v: %q", c, why)
		}
	}
}

var source = quota.Source{Name: "the desk", Needs: "the key needs a stamp"}

// What was read before a failure counts, and the failure is told in our words.
func TestRoom(t *testing.T) {
	t.Parallel()
	refused := &providers.Error{Kind: providers.KindPermission, Status: 403, Code: "Denied", Message: "user root@example may not"}
	full, doubt := source.Room(t.Context(), func(context.Context) ([]quota.Quota, error) {
		return []quota.Quota{{Name: "a"}, {Name: "b", Limit: 1}, {Name: "c"}}, refused
	})
	if strings.Count(full, "the quota") != 2 || !strings.Contains(doubt, "permission (Denied): the key needs a stamp") ||
		strings.Contains(doubt, "root") {
		t.Errorf("full %q, doubt %q", full, doubt)
	}
	for want, err := range map[string]error{
		"no book": errors.New("no book"), "server (HTTP 500)": &providers.Error{Kind: providers.KindServer, Status: 500, Message: "x"},
		"not read": &providers.Error{Kind: providers.KindServer, Message: "not read"},
	} {
		full, doubt := source.Room(t.Context(), func(context.Context) ([]quota.Quota, error) { return nil, err })
		if full != "" || !strings.HasSuffix(doubt, "could not be read: "+want) {
			t.Errorf("%v: full %q, doubt %q", err, full, doubt)
		}
	}
}

// A vendor that does not answer is not waited for.
func TestPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		full, doubt := source.Room(t.Context(), func(ctx context.Context) ([]quota.Quota, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		})
		if full != "" || !strings.Contains(doubt, "not known") || time.Since(began) != quota.Patience {
			t.Errorf("after %s: full %q, doubt %q", time.Since(began), full, doubt)
		}
	})
}
