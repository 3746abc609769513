package config

import (
	"time"

	"dreamlab/store/money"
)

// Canary says how a model that passed the exam takes over an alias's conversations.
type Canary struct {
	// Enabled gives such a model a growing share of the conversations, where each step waits for a
	// test of what users see. Defaults to false: it gets all of them at once, as a deployment with few
	// conversations would wait for weeks.
	Enabled bool `yaml:"enabled"`
	// Steps are the shares in per cent, rising. Defaults to [5, 25, 50, 100].
	Steps []int `yaml:"steps"`
	// Step is how long each share is held at least. Defaults to 1h.
	Step time.Duration `yaml:"step"`
	// Settle is how long after its first chat a conversation is counted. Defaults to 10m.
	Settle time.Duration `yaml:"settle"`
	// Slow is from how long on an answer counts as slow. Defaults to 20s.
	Slow time.Duration `yaml:"slow"`
	// Alpha is the probability of taking back a model that is no worse. Defaults to 0.05.
	Alpha float64 `yaml:"alpha"`
	// Margin is by how much more of its conversations a model may be worse in one signal to pass a
	// step: a smaller one needs more conversations. Defaults to 0.1.
	Margin float64 `yaml:"margin"`
	Shadow Shadow  `yaml:"shadow"`
}

// Shadow says how many chats are answered by both models of a canary, for a judge: at first by the candidate
// whose answers nobody is shown, and in its steps by the one that did not answer its user.
type Shadow struct {
	// Share is the part of the conversations whose first chat, once it has been answered, is put to the
	// other model, too. 0 leaves out the shadow and all pairs. Defaults to 0.1.
	Share float64 `yaml:"share"`
	// Pairs end the shadow: fewer do where they show that the candidate is no worse. Defaults to 50.
	Pairs int64 `yaml:"pairs"`
	// BudgetUSD caps what the pairs of one canary cost, answers and judge, beside the tune's budget. Once it is used up, the canary is
	// paused: each resume allows as much again. Defaults to 1.
	BudgetUSD money.USD `yaml:"budget_usd"`
}

func defaultCanary() Canary {
	return Canary{
		Steps: []int{5, 25, 50, 100}, Step: time.Hour, Settle: 10 * time.Minute, Slow: 20 * time.Second,
		Alpha: 0.05, Margin: 0.1, Shadow: Shadow{Share: 0.1, Pairs: 50, BudgetUSD: money.Dollar},
	}
}

func (l *loader) checkCanary() {
	c := l.Tune.Canary
	before := 0
	for _, share := range c.Steps {
		if share <= before || share > 100 {
			l.fault("tune.canary.steps: %v does not rise from 1 to 100: give shares in per cent", c.Steps)
			break
		}
		before = share
	}
	if len(c.Steps) == 0 || c.Steps[0] >= 100 {
		l.fault("tune.canary.steps: give a first share below 100, or leave tune.canary.enabled out")
	}
	if c.Step < time.Second || c.Settle < time.Second || c.Slow < time.Millisecond {
		l.fault("%s: give at least 1s, tune.canary.settle 1s and tune.canary.slow 1ms", l.at("tune.canary.step"))
	}
	if c.Alpha < 0.001 || c.Alpha > 0.2 {
		l.fault("%s: %v is out of range: give 0.001 to 0.2", l.at("tune.canary.alpha"), c.Alpha)
	}
	if c.Margin < 0.01 || c.Margin > 0.5 {
		l.fault("%s: %v is out of range: give 0.01 to 0.5", l.at("tune.canary.margin"), c.Margin)
	}
	if l.Tune.Hold < time.Minute {
		l.fault("%s: give at least 1m", l.at("tune.hold"))
	}
	checkShadow(l)
}

// maxShadow is more pairs than a shadow needs to tell any two models apart.
const maxShadow = 10_000

func checkShadow(l *loader) {
	s := l.Tune.Canary.Shadow
	if s.Share < 0 || s.Share > 1 {
		l.fault("%s: %v is out of range: give 0 to 1", l.at("tune.canary.shadow.share"), s.Share)
	}
	if s.Pairs < 1 || s.Pairs > maxShadow {
		l.fault("%s: %d is out of range: give 1 to %d", l.at("tune.canary.shadow.pairs"), s.Pairs, maxShadow)
	}
	if s.BudgetUSD <= 0 && s.Share > 0 {
		l.fault("%s: give more than 0, or set tune.canary.shadow.share to 0", l.at("tune.canary.shadow.budget_usd"))
	}
}
