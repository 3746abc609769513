package boot

import (
	"dreamlab/handlers/forget"
	"dreamlab/store/retention"
)

// minHeldOut is how many held-out experiences of an alias stay at least, however old they are.
const minHeldOut = 2000

// collecting removes objects that no row needs.
func collecting(s *Stack) *forget.Collector {
	return &forget.Collector{
		Store: s.Store, Bucket: s.Bucket, Log: s.Log,
		Experiences: s.Config.ExperienceRetention, Dreams: s.Config.DreamRetention,
	}
}

// retaining deletes what was learned when it is older than it is kept.
func retaining(s *Stack) *forget.Retention {
	return &forget.Retention{Store: s.Store, Log: s.Log, Dreams: s.Config.DreamRetention, Experiences: retention.Experiences{
		Older: s.Config.ExperienceRetention, HeldOut: max(minHeldOut, 10*s.Config.Tune.Papers),
	}}
}
