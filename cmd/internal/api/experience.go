package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"dreamlab/store"
	"dreamlab/tasks"
)

type experienceView struct {
	ID             string          `json:"id"`
	Object         string          `json:"object"`
	Conversation   string          `json:"conversation"`
	ConversationID *string         `json:"conversation_id"` // the client's own id
	Messages       json.RawMessage `json:"messages"`
	Reference      *string         `json:"reference"`
	Feedback       *feedbackView   `json:"feedback"`
	Metadata       json.RawMessage `json:"metadata"`
	Alias          string          `json:"alias"`
	Origin         string          `json:"origin"`
	HeldOut        bool            `json:"held_out"`
	Job            *string         `json:"job"`
	Provider       *string         `json:"provider"`
	Model          *string         `json:"model"`
	FinishReason   *string         `json:"finish_reason"`
	Dream          *string         `json:"dream"`
	CreatedAt      *int64          `json:"created_at"`
}

type feedbackView struct {
	Rating     *int64  `json:"rating"`
	Comment    *string `json:"comment"`
	Correction *string `json:"correction"`
}

func viewExperience(e store.Experience) experienceView {
	view := experienceView{
		ID: e.ID, Object: "experience", Conversation: e.Conversation, Messages: wholeConversation(e),
		Reference: orNull(e.Reference), Metadata: rawOr(e.Metadata, "{}"), Alias: e.Alias, Origin: e.Origin,
		HeldOut: e.HeldOut, Job: orNull(e.Job), Provider: orNull(e.Provider), Model: orNull(e.Model),
		FinishReason: orNull(e.Finish), Dream: orNull(e.Dream), CreatedAt: seconds(e.Created),
	}
	if e.External != e.Conversation {
		view.ConversationID = orNull(e.External)
	}
	if e.Rating != nil || e.Comment != "" || e.Correction != "" {
		view.Feedback = &feedbackView{Rating: e.Rating, Comment: orNull(e.Comment),
			Correction: orNull(e.Correction)}
	}
	return view
}

// wholeConversation puts the answer behind its prompt.
func wholeConversation(e store.Experience) json.RawMessage {
	prompt := bytes.TrimSuffix(bytes.TrimSpace(e.Prompt), []byte("]"))
	out := append([]byte{}, prompt...)
	if !bytes.Equal(bytes.TrimSpace(prompt), []byte("[")) {
		out = append(out, ',')
	}
	return append(append(out, e.Answer...), ']')
}

// createExperiences takes one conversation as JSON, or one a line as NDJSON,
// which goes to the bucket as it comes.
func (s *Server) createExperiences(w http.ResponseWriter, c *call) error {
	switch mediaType(c.Request) {
	case "application/json":
		return s.importOne(w, c)
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines":
		return s.importLines(w, c, c.Body)
	}
	return wrongType(c.Request, "application/json with one conversation", "application/x-ndjson with one a line")
}

func (s *Server) importOne(w http.ResponseWriter, c *call) error {
	c.Body = http.MaxBytesReader(w, c.Body, s.MostBody)
	body, err := wholeBody(c)
	if err != nil {
		return err
	}
	var line bytes.Buffer
	if err := json.Compact(&line, body); err != nil {
		return decodeFault(body, err)
	}
	if _, err := tasks.ParseConversation(line.Bytes()); err != nil {
		return err
	}
	return s.importLines(w, c, &line)
}

// importLines keeps the lines and makes the job that reads them.
func (s *Server) importLines(w http.ResponseWriter, c *call, lines io.Reader) error {
	job := store.NewJob{ID: store.NewID("job_"), Kind: string(tasks.ExperienceImport)}
	object := store.ImportObject(job.ID)
	counted := newCountedLines(lines)
	if err := s.Bucket.Create(c.Context(), object, counted); err != nil {
		return uploadFault(err)
	}
	if counted.lines == 0 {
		return errors.Join(invalid("", "There is no conversation in the body: send one a line."), s.dropObject(c,
			object))
	}
	job.Input = encoded(tasks.ImportInput{Object: object, Lines: counted.lines})
	made, existed, err := s.accept(c, asked{job: job, hash: hashOf(c, counted.hash.Sum(nil))})
	if err != nil || existed {
		err = errors.Join(err, s.dropObject(c, object))
	}
	if err != nil {
		return err
	}
	return s.background(w, c, made, "/v1/jobs/"+made.ID, s.showJob)
}

// uploadFault tells what the client did wrong from what the bucket did.
func uploadFault(err error) error {
	var tooLarge *http.MaxBytesError
	var f *fault
	if errors.As(err, &tooLarge) || errors.As(err, &f) {
		return err
	}
	return fmt.Errorf("keep upload: %w", err)
}

// dropObject removes what was kept for a request that came to nothing. It does
// so for a client that has gone, too.
func (s *Server) dropObject(c *call, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), 10*time.Second)
	defer cancel()
	if err := s.Bucket.Delete(ctx, name); err != nil {
		return fmt.Errorf("drop object: %w", err)
	}
	return nil
}

func (s *Server) listExperiences(w http.ResponseWriter, c *call) error {
	page, err := paged(c, "conversation", "origin", "dream", "job")
	if err != nil {
		return err
	}
	query := c.URL.Query()
	filter := store.ExperienceFilter{
		Conversation: query.Get("conversation"), Origin: query.Get("origin"), Dream: query.Get("dream"),
		Job: query.Get("job"),
	}
	rows, more, err := s.Store.Experiences(c.Context(), c.key.Tenant, filter, page)
	if err != nil {
		return err
	}
	return writeList(w, rows, more, viewExperience, func(v experienceView) string { return v.ID })
}

func (s *Server) getExperience(w http.ResponseWriter, c *call) error {
	e, err := s.Store.Experience(c.Context(), c.key.Tenant, c.PathValue("id"))
	if err != nil {
		return orMissing(err, "experience")
	}
	return writeJSON(w, http.StatusOK, viewExperience(e))
}

// createFeedback keeps a later judgement; what it does not name stays as it is.
func (s *Server) createFeedback(w http.ResponseWriter, c *call) error {
	body, err := jsonBody(c)
	if err != nil {
		return err
	}
	feedback, err := tasks.ParseFeedback(body)
	if err != nil {
		return err
	}
	if feedback.Rating == nil && feedback.Comment == "" && feedback.Correction == "" {
		return invalid("rating", "Give at least one of rating (-1, 0 or 1), comment and correction.")
	}
	var rating *int64
	if feedback.Rating != nil {
		rating = new(int64(*feedback.Rating))
	}
	err = s.Store.SetFeedback(c.Context(), c.key.Tenant, c.PathValue("id"), rating, feedback.Comment,
		feedback.Correction)
	if err != nil {
		return orMissing(err, "experience")
	}
	return s.getExperience(w, c)
}
