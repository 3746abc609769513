package lab

import (
	"cmp"
	"net/http"
	"slices"
	"sync"
)

// maxServed bounds the names that are counted; later ones are not.
const maxServed = 10_000

// Served is a name under which a vendor's emulator was made to serve a tuned model: by a deployment, an import or
// an adapter. What is found there already, or is only changed, does not count.
type Served struct {
	Vendor string `json:"vendor"`
	Name   string `json:"name"`
	Times  int    `json:"times"`
}

// served counts what was made to serve, in memory alone.
type served struct {
	mu    sync.Mutex
	times map[Served]int
}

// CountServed notes that something was made to serve a tuned model.
func (l *Lab) CountServed(vendor, name string) {
	l.served.mu.Lock()
	defer l.served.mu.Unlock()
	at := Served{Vendor: vendor, Name: name}
	if l.served.times[at] > 0 || len(l.served.times) < maxServed {
		l.served.times[at]++
	}
}

// Served lists all that was made to serve tuned models, by vendor and name, also what is gone since.
func (l *Lab) Served() []Served {
	l.served.mu.Lock()
	defer l.served.mu.Unlock()
	list := make([]Served, 0, len(l.served.times))
	for s, times := range l.served.times {
		s.Times = times
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Served) int {
		return cmp.Or(cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(a.Name, b.Name))
	})
	return list
}

func (l *Lab) getServed(w http.ResponseWriter, _ *http.Request) {
	WriteJSON(w, http.StatusOK, listing{l.Served()})
}
