package tasks

// Kind is a kind of task, by the name that Asynq's ServeMux matches. The mux
// matches by prefix, so no kind may be a prefix of another.
type Kind string

// The kinds.
const (
	ChatRun            Kind = "chat.run"
	BatchRun           Kind = "batch.run"
	BatchLive          Kind = "batch.live"
	EmbedRun           Kind = "embed.run"
	ConversationForget Kind = "conversation.forget"
	ExperienceImport   Kind = "experience.import"
	DreamPlan          Kind = "dream.plan"
	DreamSlice         Kind = "dream.slice"
	DreamReflect       Kind = "dream.reflect"
	DreamConsolidate   Kind = "dream.consolidate"
	DreamAnticipate    Kind = "dream.anticipate"
	DreamSolve         Kind = "dream.solve"
	TuneCurate         Kind = "tune.curate"
	TuneStart          Kind = "tune.start"
	TunePoll           Kind = "tune.poll"
	TuneEvaluate       Kind = "tune.evaluate"
	TuneRepeat         Kind = "tune.repeat"
	TuneShadow         Kind = "tune.shadow"
	TuneReap           Kind = "tune.reap"
	ScheduleTick       Kind = "schedule.tick"
	WebhookDeliver     Kind = "webhook.deliver"
	JobBulk            Kind = "job.bulk"
)

// Kinds returns every kind. A handler exists for each; a test holds that.
func Kinds() []Kind {
	return []Kind{
		ChatRun, EmbedRun, BatchRun, BatchLive, ConversationForget, ExperienceImport,
		DreamPlan, DreamSlice, DreamReflect, DreamConsolidate, DreamAnticipate, DreamSolve,
		TuneCurate, TuneStart, TunePoll, TuneEvaluate, TuneRepeat, TuneShadow, TuneReap,
		ScheduleTick, WebhookDeliver, JobBulk,
	}
}

// Lane returns the lane that delivers the kind: the part before the dot where
// a lane has that name, else system.
func (k Kind) Lane() Lane {
	noun := Lane(k.Noun())
	for _, lane := range Lanes() {
		if lane == noun {
			return lane
		}
	}
	return System
}

// Noun returns the part before the dot: the kind that the API shows.
func (k Kind) Noun() string {
	for i := range len(k) {
		if k[i] == '.' {
			return string(k[:i])
		}
	}
	return string(k)
}

// CallsModel tells whether the kind makes paid calls.
func (k Kind) CallsModel() bool {
	switch k {
	case ConversationForget, ExperienceImport, DreamPlan, TuneCurate, TuneRepeat, ScheduleTick, WebhookDeliver, JobBulk:
		return false
	}
	return true
}

// WakeSize is the number of jobs of the kind that one wake-up may carry: one
// where the job waits for somebody outside, else up to a hundred.
func (k Kind) WakeSize() int {
	if k.CallsModel() || k == WebhookDeliver || k == ConversationForget || k == JobBulk {
		return 1
	}
	return 100
}
