package tasks

import "dreamlab/store/learn"

// ForgetInput is the input of conversation.forget.
type ForgetInput struct {
	Conversation string `json:"conversation"` // ours or the client's id
}

// ConversationKinds are the kinds of the jobs in which a conversation leaves what
// was said.
func ConversationKinds() learn.Kinds {
	return learn.Kinds{
		Chat: string(ChatRun), Import: string(ExperienceImport), Slice: string(DreamSlice), Reflect: string(DreamReflect),
		Anticipate: string(DreamAnticipate),
	}
}

// Forgotten is what goes with a conversation, and what can not: the result of
// conversation.forget, and its preview.
type Forgotten struct {
	Conversation string `json:"conversation"`
	Experiences  int    `json:"experiences"`
	Chats        int    `json:"chats"`       // jobs whose input and answer are cleared
	Examples     int    `json:"examples"`    // training rows
	Reflections  int    `json:"reflections"` // lessons that rest on it
	// Dreams, Memories and Datasets are written again without it.
	Dreams   []string `json:"dreams"`
	Memories []string `json:"memories"`
	Datasets []string `json:"datasets"`
	// Tunes and their datasets are marked: none of their models is given traffic any more.
	Tunes []string `json:"tunes"`
	// Trainings have their files deleted at their vendors, once they have ended.
	Trainings []string `json:"fine_tuning_jobs"`
	// Models were trained on it, and hold it until they are deleted; Serving are those with traffic.
	Models  []string `json:"models"`
	Serving []string `json:"serving"`
	// Advice says how to be rid of it in models.
	Advice string `json:"advice,omitempty"`
}

const retrain = "These models go on knowing what was forgotten. POST /v1/tunes trains one without it; " +
	"with \"dry_run\": true it tells the price first. DELETE /v1/models/{id} has the old one served no more."

// NewForgotten counts what a conversation left.
func NewForgotten(t learn.Traces) Forgotten {
	list := func(ids []string) []string { return append([]string{}, ids...) }
	advice := ""
	if len(t.Models) > 0 {
		advice = retrain
	}
	return Forgotten{
		Conversation: t.Conversation, Experiences: len(t.Experiences), Chats: len(t.Chats),
		Examples: len(t.Examples), Reflections: len(t.Reflections), Dreams: list(t.Dreams),
		Memories: list(t.Memories), Datasets: list(t.Datasets), Models: list(t.Models),
		Tunes: list(t.Tunes), Trainings: list(t.Trainings), Serving: list(t.Serving), Advice: advice,
	}
}
