package web

import (
	"encoding/json"
	"net/http"
	"net/url"
)

// experienceView is one answer of a conversation.
type experienceView struct {
	ID             string        `json:"id"`
	Conversation   string        `json:"conversation"`
	ConversationID *string       `json:"conversation_id"`
	Messages       []message     `json:"messages"`
	Reference      *string       `json:"reference"`
	Feedback       *feedbackView `json:"feedback"`
	Alias          string        `json:"alias"`
	Origin         string        `json:"origin"`
	HeldOut        bool          `json:"held_out"`
	Job            *string       `json:"job"`
	Model          *string       `json:"model"`
	Dream          *string       `json:"dream"`
	CreatedAt      *int64        `json:"created_at"`
}

type feedbackView struct {
	Rating     *int64  `json:"rating"`
	Comment    *string `json:"comment"`
	Correction *string `json:"correction"`
}

// Liked and Disliked tell how an answer was rated.
func (f feedbackView) Liked() bool { return f.Rating != nil && *f.Rating > 0 }

// Disliked is the contrary of Liked; an answer can be neither.
func (f feedbackView) Disliked() bool { return f.Rating != nil && *f.Rating < 0 }

// Asked returns the last question.
func (e experienceView) Asked() string {
	for i := len(e.Messages) - 1; i >= 0; i-- {
		if e.Messages[i].Role == "user" {
			return e.Messages[i].Text()
		}
	}
	return ""
}

// Answer returns the answer, which is the last message.
func (e experienceView) Answer() string {
	if n := len(e.Messages); n > 0 && e.Messages[n-1].Role == "assistant" {
		return e.Messages[n-1].Text()
	}
	return ""
}

// conversationsView is the list of answers, the newest first.
type conversationsView struct {
	Answers paged[experienceView]
	Choices []field
	Query   string
	Narrow  bool // a filter is set
}

var answerFilters = []string{"origin", "dream", "job", "alias", "provider", "model", "q"}

var origins = []string{"live", "import", "memory", "cache", "dream"}

func conversationsPage(v *visit) error {
	found, err := listed[experienceView](v, "/v1/experiences", answerFilters...)
	if err != nil {
		return err
	}
	query := v.r.URL.Query()
	choice := newField("origin", "Origin", query.Get("origin"), origins...)
	body := conversationsView{found, []field{choice}, query.Get("q"), anySet(query, answerFilters...)}
	return v.show("conversations", "Conversations", body)
}

// conversationView is one conversation and what came of it.
type conversationView struct {
	ID       string
	Turns    []turnView
	Lineage  lineageView
	Preview  *forgetView
	Forgot   bool
	MayWrite bool
}

// forgetView is what forgetting would take away.
type forgetView struct {
	Experiences, Chats, Examples, Reflections int
	Dreams, Memories, Datasets, Models        []string
}

func conversationPage(v *visit) error {
	body, err := v.conversation()
	if err != nil {
		return err
	}
	return v.show("conversation", "Conversation", body)
}

func (v *visit) conversation() (*conversationView, error) {
	body := conversationView{ID: v.r.PathValue("id"), MayWrite: v.key.Has("use")}
	var err error
	if body.Turns, err = v.turns(body.ID); err != nil {
		return nil, err
	}
	if len(body.Turns) == 0 {
		return nil, &refusal{Status: http.StatusNotFound,
			Message: "There is no such conversation, or it was forgotten: the list shows those that there are."}
	}
	return &body, v.get("/v1/lineage/"+url.PathEscape(body.Turns[0].Experience.Conversation), nil, &body.Lineage)
}

// previewForget says what forgetting would take away, and asks whether it should.
func previewForget(v *visit) error {
	body, err := v.conversation()
	if err != nil {
		return err
	}
	body.Preview = &forgetView{}
	err = v.ask(http.MethodDelete, "/v1/conversations/"+url.PathEscape(body.ID)+"?preview=true", nil, body.Preview)
	if err != nil {
		return err
	}
	return v.show("conversation", "Forget a conversation", body)
}

func forgetConversation(v *visit) error {
	var made jobView
	if err := v.ask(http.MethodDelete, "/v1/conversations/"+url.PathEscape(v.r.PathValue("id")), nil, &made); err != nil {
		return err
	}
	return v.done("requests/"+made.ID, "forgetting")
}

// experiencePage leads to the conversation that an answer is part of.
func experiencePage(v *visit) error {
	var e experienceView
	if err := v.get("/v1/experiences/"+url.PathEscape(v.r.PathValue("id")), nil, &e); err != nil {
		return err
	}
	return v.done("conversations/"+url.PathEscape(e.Conversation)+"#"+e.ID, "")
}

// giveFeedback keeps what a person says of an answer.
func giveFeedback(v *visit) error {
	said := map[string]any{}
	switch v.r.PostFormValue("rating") {
	case "1":
		said["rating"] = 1
	case "-1":
		said["rating"] = -1
	}
	for _, name := range []string{"comment", "correction"} {
		if text := v.r.PostFormValue(name); text != "" {
			said[name] = text
		}
	}
	at := "/v1/experiences/" + url.PathEscape(v.r.PathValue("id")) + "/feedback"
	if err := v.ask(http.MethodPost, at, said, &json.RawMessage{}); err != nil {
		return err
	}
	return v.done(backTo(v.r), "thanks")
}
