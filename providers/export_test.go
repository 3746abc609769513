package providers

// Remembered returns how many targets the router remembers.
func (r *Router) Remembered() int {
	r.breakers.mu.Lock()
	defer r.breakers.mu.Unlock()
	return len(r.breakers.circuits)
}
