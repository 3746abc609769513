package rate

// Open is a bound of how many of something may be open at once.
type Open struct {
	Name string // of what is bounded
	Most int64
}
