package api

import (
	"strings"
	"testing"

	"dreamlab/tasks"
)

// forgetting previews that a conversation is forgotten, then has it be.
func (r *rig) forgetting(s seeded) {
	r.t.Helper()
	shown := r.do(request{method: "DELETE", path: "/v1/conversations/chat-7?preview=true"})
	for name, want := range map[string]any{"id": "chat-7", "conversation": s.conversation, "experiences": 1.0,
		"examples": 1.0, "reflections": 1.0, "preview": true} {
		if got := shown.value(name); got != want {
			r.t.Errorf("the preview's %s is %v: %s", name, got, shown.body)
		}
	}
	if _, err := r.store.Experience(r.t.Context(), s.tenant, s.experience); err != nil {
		r.t.Errorf("the preview changed something: %v", err)
	}
	done := r.do(request{method: "DELETE", path: "/v1/conversations/chat-7"}) // it is waited for, as nothing else is said
	if done.status != 200 || done.value("status") != "succeeded" || done.value("kind") != "conversation" {
		r.t.Fatalf("%d %s", done.status, done.body)
	}
	for _, held := range []any{done.value("models"), done.value("result", "models")} {
		if list, ok := held.([]any); !ok || len(list) != 1 || list[0] != s.model {
			r.t.Errorf("the models that hold it are %v", held)
		}
	}
}

// TestForgettingIsAJob answers at once, is in the list of jobs, and is of the tenant
// alone.
func TestForgettingIsAJob(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.seed()
	r.do(request{method: "DELETE", path: "/v1/conversations/chat-7", key: r.other}).want(t, 404, "not_found")
	r.do(request{method: "DELETE", path: "/v1/conversations/chat-7?preview=yes"}).want(t, 400, "invalid_request")
	job := r.do(request{method: "DELETE", path: "/v1/conversations/chat-7",
		header: map[string]string{"Prefer": "respond-async"}}).want(t, 202, "")
	id := job.text(t, "id")
	if job.header.Get("Location") != "/v1/jobs/"+id || job.text(t, "task") != string(tasks.ConversationForget) {
		t.Errorf("the answer is %v %s", job.header, job.body)
	}
	r.finished(id)
	if list := r.get("/v1/jobs?kind=conversation").want(t, 200, ""); list.text(t, "first_id") != id {
		t.Errorf("the list is %s", list.body)
	}
	r.do(request{method: "DELETE", path: "/v1/conversations/chat-7"}).want(t, 404, "not_found")
}

// TestForgettingFindsRefusedChats deletes a conversation of which only the job of a chat
// is left, which recorded no experience.
func TestForgettingFindsRefusedChats(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	job := r.post("/v1/jobs", `{"kind":"chat","input":{"model":"assistant","metadata":{"conversation_id":"talk-9"},
		"messages":[{"role":"user","content":"a secret"}]}}`).want(t, 202, "")
	id := job.text(t, "id")
	r.finished(id)
	shown := r.do(request{method: "DELETE", path: "/v1/conversations/talk-9?preview=true"}).want(t, 200, "")
	if got := shown.value("chats"); got != 1.0 {
		t.Errorf("the preview is %s", shown.body)
	}
	r.do(request{method: "DELETE", path: "/v1/conversations/talk-9"}).want(t, 200, "")
	if got := r.get("/v1/jobs/"+id).want(t, 200, ""); strings.Contains(string(got.body), "secret") {
		t.Errorf("the chat holds %s", got.body)
	}
}
