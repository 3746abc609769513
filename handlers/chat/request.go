package chat

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"dreamlab/providers"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// requestOf puts a client's request into the router's words.
func requestOf(r *tasks.ChatRequest) providers.Request {
	return providers.Request{Messages: messagesOf(r.Messages), Settings: r.Settings}
}

// messagesOf turns "developer", which open models were not taught, into "system".
func messagesOf(messages []tasks.Message) []providers.Message {
	out := make([]providers.Message, len(messages))
	for i, m := range messages {
		role := m.Role
		if role == "developer" {
			role = "system"
		}
		out[i] = providers.Message{
			Role: role, Content: m.Content, Name: m.Name, ToolCalls: m.ToolCalls, ToolCallID: m.ToolCallID,
			Extra: m.Extra,
		}
	}
	return out
}

// maxMemory bounds what of the memory is put in front of a chat, in bytes: about 2,000
// tokens, which every chat pays for.
const maxMemory = 8 << 10

// remember puts the tenant's memory in front, where there is one.
func (t *turn) remember(ctx context.Context, request *providers.Request) error {
	memory, err := t.run.Store.Memory(ctx, t.run.Job.Tenant)
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the memory: %w", err)
	}
	text := memoryText(memory.Lessons)
	if text == "" {
		return nil
	}
	t.memory = true
	front := providers.TextMessage("system", text)
	request.Messages = append([]providers.Message{front}, request.Messages...)
	return nil
}

func memoryText(lessons []learn.Lesson) string {
	var out strings.Builder
	for _, lesson := range lessons {
		if out.Len()+len(lesson.Text) > maxMemory {
			break
		}
		if out.Len() == 0 {
			out.WriteString("What earlier conversations taught:\n")
		}
		out.WriteString("- " + lesson.Text + "\n")
	}
	return out.String()
}
