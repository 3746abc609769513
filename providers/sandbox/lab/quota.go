package lab

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"sync"
)

// maxQuotas bounds the quotas that are set.
const maxQuotas = 1000

// Quota is a limit of the account at a vendor, in the place of the one that the emulator begins with.
type Quota struct {
	Vendor string `json:"vendor"`
	Name   string `json:"name"` // as the vendor has it
	Value  int64  `json:"value"`
}

// Quotas are what was set, in memory alone.
type Quotas struct {
	mu  sync.Mutex
	set []Quota
}

// Set sets a limit of an account.
func (s *Quotas) Set(q Quota) error {
	if q.Vendor == "" || q.Name == "" || q.Value < 0 {
		return errors.New(`give "vendor", "name" and a "value" of 0 or more`)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.set, func(o Quota) bool { return o.Vendor == q.Vendor && o.Name == q.Name })
	switch {
	case at >= 0:
		s.set[at] = q
	case len(s.set) >= maxQuotas:
		return errors.New("there are too many quotas already")
	default:
		s.set = append(s.set, q)
	}
	return nil
}

// Of returns a limit of the account at a vendor.
func (s *Quotas) Of(vendor, name string, otherwise int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.set {
		if q.Vendor == vendor && q.Name == name {
			return q.Value
		}
	}
	return otherwise
}

// List lists what was set, by vendor and name.
func (s *Quotas) List() []Quota {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(slices.Values(s.set), func(a, b Quota) int {
		return cmp.Or(cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(a.Name, b.Name))
	})
}

func (s *Quotas) get(w http.ResponseWriter, _ *http.Request) {
	WriteJSON(w, http.StatusOK, listing{s.List()})
}

func (s *Quotas) put(w http.ResponseWriter, r *http.Request) {
	var q Quota
	err := decodeStrictly(w, r, &q)
	if err == nil {
		err = s.Set(q)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	s.get(w, r)
}
