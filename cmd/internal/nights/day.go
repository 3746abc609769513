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

// day lets the staff answer some customers, and the assistant the others, who say what they think of it.
func (r *run) day(ctx context.Context, night *Night) error {
	if err := r.staff(ctx, night.Night); err != nil {
		return err
	}
	asked := make([]turn, r.Chats)
	for i := range asked {
		asked[i] = r.town.draw()
	}
	name := fmt.Sprintf("day-%d", night.Night)
	answers, err := r.ask(ctx, name, asked, true)
	if err != nil {
		return err
	}
	return r.rate(ctx, name, asked, answers)
}

// staff imports conversations that people of the shop answered.
func (r *run) staff(ctx context.Context, night int) error {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for i := range r.Imported {
		asked := r.town.draw()
		said := client.Conversation{ID: fmt.Sprintf("staff-%d-%d", night, i), Messages: []client.Message{
			{Role: "user", Content: asked.ask}, {Role: "assistant", Content: asked.answer},
		}}
		if r.town.dice.Float64() < speaksUp {
			said.Feedback = &client.Feedback{Rating: 1}
		}
		if err := encoder.Encode(said); err != nil {
			return fmt.Errorf("write a conversation: %w", err)
		}
	}
	return take(ctx, r.client, &lines)
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

// ask asks the assistant all questions, each in a conversation of its own.
func (r *run) ask(ctx context.Context, name string, asked []turn, keep bool) ([]string, error) {
	answers, faults := make([]string, len(asked)), make([]error, len(asked))
	var group sync.WaitGroup
	for worker := range atOnce {
		group.Go(func() {
			for i := worker; i < len(asked); i += atOnce {
				answer, err := r.client.Chat(ctx, client.ChatRequest{
					Model: "assistant", Messages: []client.Message{{Role: "user", Content: asked[i].ask}}, Store: &keep,
					Metadata: map[string]string{"conversation_id": conversation(name, i)}, Own: &client.ChatOptions{Cache: "off"},
				})
				answers[i], faults[i] = answer.Text, err
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
func (r *run) rate(ctx context.Context, name string, asked []turn, answers []string) error {
	for i, answer := range answers {
		speaks, corrects := r.town.dice.Float64() < speaksUp, r.town.dice.Float64() < correctly
		if !speaks || asked[i].small {
			continue
		}
		said := client.Feedback{Rating: 1}
		if f1(answer, asked[i].answer) < content {
			said.Rating = -1
			if corrects {
				said.Correction = asked[i].answer
			}
		}
		if err := client.Rate(ctx, r.client, conversation(name, i), said); err != nil {
			return err
		}
	}
	return nil
}
