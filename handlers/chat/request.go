package chat

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"dreamlab/providers"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

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
