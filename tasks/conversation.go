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
	// Models were trained on it, and hold it until they are deleted.
	Models []string `json:"models"`
}

// NewForgotten counts what a conversation left.
func NewForgotten(t learn.Traces) Forgotten {
	list := func(ids []string) []string { return append([]string{}, ids...) }
	return Forgotten{
		Conversation: t.Conversation, Experiences: len(t.Experiences), Chats: len(t.Chats),
		Examples: len(t.Examples), Reflections: len(t.Reflections), Dreams: list(t.Dreams),
		Memories: list(t.Memories), Datasets: list(t.Datasets), Models: list(t.Models),
	}
}
