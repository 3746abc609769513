package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"dreamlab/store/db"
)

// chatView is a chat with an alias.
type chatView struct {
	Conversation string
	Model        string
	Models       []string
	Turns        []turnView
}

// turnView is a question and its answer.
type turnView struct {
	Asked, Answer string
	Experience    experienceView
}

// askable returns the names that a chat can ask: aliases first.
func (v *visit) askable() ([]string, error) {
	models, err := v.models()
	if err != nil {
		return nil, err
	}
	var aliases, others []string
	for _, m := range models {
		switch {
		case m.Ours.Kind == "alias":
			aliases = append(aliases, m.ID)
		case m.Ours.Lifecycle.State != "retired" && !slices.Contains(m.Ours.Can, "embeddings"):
			others = append(others, m.ID)
		}
	}
	return append(aliases, others...), nil
}

func chatPage(v *visit) error {
	query := v.r.URL.Query()
	body := chatView{Conversation: query.Get("conversation"), Model: query.Get("model")}
	if body.Conversation == "" {
		body.Conversation = db.NewID("page-")
	}
	if body.Model == "" {
		body.Model = "assistant"
	}
	var err error
	if body.Models, err = v.askable(); err != nil {
		return err
	}
	if query.Get("conversation") != "" {
		if body.Turns, err = v.turns(body.Conversation); err != nil {
			return err
		}
	}
	return v.show("chat", "Chat", body)
}

// turns returns what was asked and answered in a conversation, the first turn first.
func (v *visit) turns(conversation string) ([]turnView, error) {
	var found list[experienceView]
	err := v.get("/v1/experiences", url.Values{"conversation": {conversation}, "limit": {"100"}, "order": {"asc"}}, &found)
	if err != nil {
		return nil, err
	}
	turns := make([]turnView, len(found.Data))
	for i, e := range found.Data {
		turns[i] = turnView{Experience: e, Asked: e.Asked(), Answer: e.Answer()}
	}
	return turns, nil
}

// chatBody is the request of what a person typed, after the turns before.
func (v *visit) chatBody(stream bool) (map[string]any, error) {
	conversation, text := v.r.PostFormValue("conversation"), v.r.PostFormValue("text")
	if text == "" || conversation == "" {
		return nil, &refusal{Status: http.StatusBadRequest, Message: "Write something to send."}
	}
	turns, err := v.turns(conversation)
	if err != nil {
		return nil, err
	}
	var messages []message
	if len(turns) > 0 {
		messages = turns[len(turns)-1].Experience.Messages
	}
	words, err := json.Marshal(text)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"model": v.r.PostFormValue("model"), "messages": append(messages, message{Role: "user", Content: words}),
		"stream": stream, "metadata": map[string]string{"conversation_id": conversation},
	}, nil
}

// sendChat asks, waits for the whole answer and shows the conversation with it.
func sendChat(v *visit) error {
	ask, err := v.chatBody(false)
	if err != nil {
		return err
	}
	if err := v.ask(http.MethodPost, "/v1/chat/completions", ask, nil); err != nil {
		return err
	}
	at := url.Values{"conversation": {v.r.PostFormValue("conversation")}, "model": {v.r.PostFormValue("model")}}
	return v.done("chat?"+at.Encode(), "")
}

// streamChat passes the API's stream on to the script of the page.
func streamChat(v *visit) error {
	ask, err := v.chatBody(true)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(v.r.Context())
	defer cancel()
	question, err := v.question(ctx, http.MethodPost, "/v1/chat/completions", ask)
	if err != nil {
		return err
	}
	v.api.ServeHTTP(v.w, question)
	return nil
}
