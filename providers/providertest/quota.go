package providertest

import (
	"net/http"
	"strings"
	"testing"

	"dreamlab/providers"
	"dreamlab/providers/sandbox/lab"
)

// Quota is a limit of the account that the driver asks for before a training or a deployment.
type Quota struct {
	// Name is that at the emulator, which has to be one that the lab's Serve made.
	Name string
	// Training says that it bounds trainings. Defaults to what is served.
	Training bool
	// Takes is how much of it one training or deployment takes. Defaults to 1.
	Takes int64
	// Reads match the requests that only tell the quota, and what counts against it.
	Reads func(*http.Request) bool
	// Says are words that the refusal has, such as the region.
	Says []string
}

// room asks whether one more could be started.
func (r *rig) room(t *testing.T, q Quota) (full, doubt string) {
	t.Helper()
	if q.Training {
		limits, err := r.trainer(t).Tunable(t.Context(), r.harness.Tuning.Base)
		if err != nil {
			t.Fatal(err)
		}
		return limits.Full, limits.Doubt
	}
	h, err := r.host(t).Hosting(t.Context(), r.hostedBase())
	if err != nil {
		t.Fatal(err)
	}
	return h.Full, h.Doubt
}

func (r *rig) hostedBase() string {
	if r.harness.Tuning != nil {
		return r.harness.Tuning.Base
	}
	return r.harness.Importing.Base
}

// limit sets a quota of the emulator's account.
func (r *rig) limit(t *testing.T, name string, value int64) {
	t.Helper()
	emulator, ok := r.emulator.(lab.Emulator)
	if !ok {
		t.Fatal("the emulator is none that the lab serves")
	}
	if err := emulator.Quotas.Set(lab.Quota{Vendor: r.vendor(Key).Name, Name: name, Value: value}); err != nil {
		t.Fatal(err)
	}
}

// begins starts what counts against a quota.
func (r *rig) begins(t *testing.T, q Quota) error {
	t.Helper()
	if r.harness.Tuning == nil {
		_, err := r.deploys(t.Context(), t, r.harness.adapter(8))
		return err
	}
	if q.Training {
		_, err := r.trainer(t).Start(t.Context(), r.harness.spec(r.uploaded(t, rows(40)).ID))
		return err
	}
	made, err := r.host(t).Deploy(t.Context(), r.tuned(t))
	if err == nil {
		r.until(t, made.Handle, providers.DeploymentReady)
	}
	return err
}

// quotas sees that a driver tells where an account has no room, by its quotas and by what it has in use, and that the
// emulator then starts nothing either.
func (h Harness) quotas(t *testing.T) {
	for _, q := range h.Quotas {
		t.Run(q.Name, func(t *testing.T) {
			r := h.rig(t)
			takes := max(q.Takes, 1)
			full := func(when string, want bool) {
				t.Helper()
				full, doubt := r.room(t, q)
				if (full != "") != want || strings.Contains(doubt, "not known") {
					t.Fatalf("%s: full %q, doubt %q", when, full, doubt)
				}
				for _, said := range append(q.Says, q.Name) {
					if want && !strings.Contains(full, said) {
						t.Errorf("%s: %q does not say %q", when, full, said)
					}
				}
			}
			full("as it begins", false)
			r.limit(t, q.Name, takes)
			full("with room for one", false)
			if err := r.begins(t, q); err != nil {
				t.Fatal(err)
			}
			full("with one in use", true)
			r.limit(t, q.Name, 2*takes)
			full("raised", false)
			r.limit(t, q.Name, 0)
			full("with none", true)
		})
	}
}

// quotasRefused sees that the emulator starts nothing beyond a quota.
func (h Harness) quotasRefused(t *testing.T) {
	for _, q := range h.Quotas {
		t.Run(q.Name, func(t *testing.T) {
			r := h.rig(t)
			r.limit(t, q.Name, 0)
			if err := r.begins(t, q); err == nil {
				t.Error("the emulator starts what the account has no room for")
			}
		})
	}
}

// quotasUnread sees that a quota that can not be read is a doubt, and forbids nothing.
func (h Harness) quotasUnread(t *testing.T) {
	cut := func(http.ResponseWriter, *http.Request, http.Handler) bool { panic(http.ErrAbortHandler) }
	for _, q := range h.Quotas {
		for name, broken := range map[string]fault{
			"forbidden": answering(http.StatusForbidden, nil, `{"error":{"message":"no, `+Key+`"},"message":"no"}`),
			"down":      answering(http.StatusInternalServerError, nil, `{}`),
			"throttled": answering(http.StatusTooManyRequests, nil, `{}`),
			"garbage":   answering(http.StatusOK, nil, `<html>`),
			"empty":     answering(http.StatusOK, nil, `{}`),
			"cut":       cut,
		} {
			t.Run(q.Name+" "+name, func(t *testing.T) {
				r := h.rig(t)
				r.limit(t, q.Name, 0)
				r.during(func(w http.ResponseWriter, req *http.Request, next http.Handler) bool {
					return q.Reads(req) && broken(w, req, next)
				}, func() {
					full, doubt := r.room(t, q)
					if full != "" || !strings.Contains(doubt, "not known") || strings.Contains(doubt, Key) {
						t.Errorf("full %q, doubt %q", full, doubt)
					}
				})
			})
		}
	}
}
