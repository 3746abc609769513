package config

import "time"

// Cache keeps the answers of chats with temperature 0, and of those that ask for it, to
// give them again to equal requests of the same tenant.
type Cache struct {
	Enabled bool `yaml:"enabled"` // Defaults to true.
	// TTL is how long an answer can be given again. Defaults to 24h.
	TTL time.Duration `yaml:"ttl"`
	// Stale is how long an answer is still given after that, while one job asks it anew (RFC
	// 5861). Defaults to 0.
	Stale time.Duration `yaml:"stale_while_revalidate"`
	// MaxBytes bounds all answers in Redis: the oldest make room for new ones. One has
	// at most 1 MiB. Defaults to 67108864, 64 MiB.
	MaxBytes int `yaml:"max_bytes"`
	// Semantic has answers given to questions that mean the same, too. Defaults to off.
	Semantic Semantic `yaml:"semantic,omitempty"`
}

// Semantic says when the cache takes two questions for the same: the vectors of their last messages are
// alike, all else is equal, and so are their numbers, negations and names.
type Semantic struct {
	// Model makes the vectors: an alias, or provider/model. Each question that is not in the cache costs
	// a call of it. Defaults to none: questions have to be equal.
	Model string `yaml:"model,omitempty"`
	// Threshold is the least similarity, from 0.5 to 1, as "dreamlab cache calibrate" measures it for the
	// model. It has no default: models differ.
	Threshold float64 `yaml:"threshold,omitempty"`
}

func checkSemantic(l *loader) {
	s := l.Cache.Semantic
	if s == (Semantic{}) {
		return
	}
	if s.Model == "" {
		l.fault("cache.semantic: name the model that makes vectors")
	}
	if !(s.Threshold >= 0.5 && s.Threshold <= 1) {
		l.fault("%s: give 0.5 to 1, as `dreamlab cache calibrate` measures it for the model", l.at("cache.semantic.threshold"))
	}
}
