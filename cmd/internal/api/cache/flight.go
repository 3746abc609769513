package cache

import "sync"

// flight is a question that this process asks once for all who ask it.
type flight struct {
	done  chan struct{} // closed at its end; the fields below are then set
	value *value        // nil where it got no answer to share
	left  bool          // its client went away: another is to ask
}

// flights are the questions being asked.
type flights struct {
	mu   sync.Mutex
	open map[string]*flight
}

// join returns the flight of a key, and whether it is the caller's, who has to end it.
func (f *flights) join(key string) (one *flight, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one, open := f.open[key]; open {
		return one, false
	}
	one = &flight{done: make(chan struct{})}
	f.open[key] = one
	return one, true
}

func (f *flights) end(key string, one *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, key)
	close(one.done)
}
