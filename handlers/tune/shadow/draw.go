package shadow

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/canary"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

const (
	// sliceSize is how many chats one job puts to the other model: no worker's slot is held long.
	sliceSize = 8
	// maxHeads bounds the conversations that are looked at to find them.
	maxHeads = 500
)

// Draw draws the next chats of a canary's sample, at most a job's worth, and returns the chat behind which
// the next draw goes on. They are first chats of conversations that have settled: one counts once, and what
// its user said of the answer is there. Chats that their client wants kept nowhere are never drawn.
func Draw(ctx context.Context, s *store.Store, c canary.Canary, after string) (chats []tasks.ShadowChat, last string, err error) {
	now, err := s.Now(ctx)
	if err != nil {
		return nil, after, fmt.Errorf("tell the time: %w", err)
	}
	heads, err := s.Heads(ctx, c, canary.Window{
		After: after, First: c.Created, Since: c.Created, Until: now.Add(-c.Plan.Settle), Limit: maxHeads,
	})
	if err != nil {
		return nil, after, fmt.Errorf("find conversations: %w", err)
	}
	for _, head := range heads {
		if len(chats) == sliceSize {
			break
		}
		after = head.Job
		if !drawn(c, head) {
			continue
		}
		chat, found, err := answered(ctx, s, c, head)
		if err != nil {
			return nil, after, err
		}
		if found {
			chats = append(chats, chat)
		}
	}
	return chats, after, nil
}

// drawn tells whether a conversation is of the sample, which does not depend on who answers it.
func drawn(c canary.Canary, head canary.Head) bool {
	hash := sha256.Sum256([]byte("shadow\n" + c.ID + "\n" + head.Sticky()))
	return float64(binary.BigEndian.Uint64(hash[:8])) < c.Plan.Pairs.Share*math.MaxUint64
}

// answered finds what a model of the canary answered in a chat, unless nothing of it was kept.
func answered(ctx context.Context, s *store.Store, c canary.Canary, head canary.Head) (tasks.ShadowChat, bool, error) {
	kept, _, err := s.Experiences(ctx, c.Tenant, learn.ExperienceFilter{Job: head.Job}, db.Page{Limit: 1})
	if err != nil || len(kept) == 0 {
		return tasks.ShadowChat{}, false, err
	}
	e := kept[0]
	chat := tasks.ShadowChat{Experience: e.ID, Shown: e.Provider + "/" + e.Model, Asked: c.Candidate}
	if chat.Shown == c.Candidate {
		chat.Asked = c.Champion
	}
	_, text := textOf(e.Answer)
	live := e.Origin == learn.OriginLive || e.Origin == learn.OriginMemory
	return chat, live && text && (chat.Shown == c.Candidate || chat.Shown == c.Champion), nil
}

// textOf reads an answer that is text and calls no tool.
func textOf(raw json.RawMessage) (text string, ok bool) {
	var message providers.Message
	if json.Unmarshal(raw, &message) != nil {
		return "", false
	}
	calls := len(message.ToolCalls) > 0 && string(message.ToolCalls) != "null" && string(message.ToolCalls) != "[]"
	return message.Text(), message.Text() != "" && !calls
}
