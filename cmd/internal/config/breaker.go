package config

// Breaker says when a dream ends early, because it is not worth its money. It gives back what it has not begun.
type Breaker struct {
	// Window is how many experiences that were paid for are held against those before. Defaults to 100.
	Window int `yaml:"window"`
	// Yield is the share of the rows kept before, for each experience, below which the last ones may not
	// fall. Defaults to 0.25; 0 switches it off.
	Yield float64 `yaml:"yield"`
	// Cost is how many times as much as before a kept row may cost. Defaults to 4; 0 switches it off.
	Cost float64 `yaml:"cost"`
	// Malformed is the share of verdicts that may be unreadable. Defaults to 0.25; 0 switches it off.
	Malformed float64 `yaml:"malformed"`
}
