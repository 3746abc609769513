package nights

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"dreamlab/cmd/internal/client"
)

// shop is where customers of a town ask the assistant, and people of the shop.
type shop struct {
	town   *town
	client *client.Client
}

// open lets customers ask the assistant, who say what they think of it.
func (s *shop) open(ctx context.Context, name string, customers int, cache string) error {
	asked := make([]turn, customers)
	for i := range asked {
		asked[i] = s.town.draw()
	}
	answers, err := s.ask(ctx, name, asked, asking{keep: true, cache: cache})
	if err != nil {
		return err
	}
	return s.rate(ctx, name, asked, answers)
}

// staff imports conversations that people of the shop answered.
func (s *shop) staff(ctx context.Context, day, customers int) error {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for i := range customers {
		asked := s.town.draw()
		said := client.Conversation{ID: fmt.Sprintf("staff-%d-%d", day, i), Messages: []client.Message{
			{Role: "user", Content: asked.ask}, {Role: "assistant", Content: asked.answer},
		}}
		if s.town.dice.Float64() < speaksUp {
			said.Feedback = &client.Feedback{Rating: 1}
		}
		if err := encoder.Encode(said); err != nil {
			return fmt.Errorf("write a conversation: %w", err)
		}
	}
	return take(ctx, s.client, &lines)
}

// take imports conversations and waits until they are there.
func take(ctx context.Context, c *client.Client, lines io.Reader) error {
	job, err := c.Import(ctx, lines)
	if err != nil {
		return err
	}
	if job, err = c.WatchJob(ctx, job.ID, func(client.Job) {}); err != nil {
		return err
	}
	if job.Status != "succeeded" {
		return fmt.Errorf("the import is %s: %v", job.Status, job.Error)
	}
	return nil
}

// atOnce is how many customers ask at the same time.
const atOnce = 8

// asking says what becomes of questions and where they may be answered from.
type asking struct {
	keep  bool   // there is something to learn from them
	cache string // "auto" or "off"
}

// ask asks the assistant all questions, each in a conversation of its own.
func (s *shop) ask(ctx context.Context, name string, asked []turn, o asking) ([]client.ChatAnswer, error) {
	answers, faults := make([]client.ChatAnswer, len(asked)), make([]error, len(asked))
	var group sync.WaitGroup
	for worker := range atOnce {
		group.Go(func() {
			for i := worker; i < len(asked); i += atOnce {
				answer, err := s.client.Chat(ctx, client.ChatRequest{
					Model: "assistant", Messages: []client.Message{{Role: "user", Content: asked[i].ask}}, Store: &o.keep,
					Metadata: map[string]string{"conversation_id": conversation(name, i)}, Own: &client.ChatOptions{Cache: o.cache},
				})
				answers[i], faults[i] = answer, err
			}
		})
	}
	group.Wait()
	return answers, errors.Join(faults...)
}

func conversation(name string, i int) string { return fmt.Sprintf("%s-%d", name, i) }

// What a customer thinks of an answer by the words it shares with the right one. Of three that
// say anything one says nothing, and of those who are not content some write what would have been right.
const (
	content   = 0.9
	speaksUp  = 0.6
	correctly = 0.25
)

// rate has customers rate what they were answered.
func (s *shop) rate(ctx context.Context, name string, asked []turn, answers []client.ChatAnswer) error {
	for i, answer := range answers {
		speaks, corrects := s.town.dice.Float64() < speaksUp, s.town.dice.Float64() < correctly
		if !speaks || asked[i].small || !answer.Served.Asked() {
			continue // an answer from the cache is no experience
		}
		said := client.Feedback{Rating: 1}
		if f1(answer.Text, asked[i].answer) < content {
			said.Rating = -1
			if corrects {
				said.Correction = asked[i].answer
			}
		}
		if err := client.Rate(ctx, s.client, conversation(name, i), said); err != nil {
			return err
		}
	}
	return nil
}
