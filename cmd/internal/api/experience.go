package api

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
	"dreamlab/tasks/lenient"
)

type experiences struct {
	store   *store.Store
	objects objects
	gate    *gate.Gate
	wait    waits
	show    shower // of the import job
	maxBody int64  // of one conversation as JSON
}

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

func viewExperience(e learn.Experience) experienceView {
	view := experienceView{
		ID: e.ID, Object: "experience", Conversation: e.Conversation, Messages: wholeConversation(e),
		Reference: wire.OrNull(e.Reference), Metadata: wire.RawOr(e.Metadata, "{}"), Alias: e.Alias, Origin: e.Origin,
		HeldOut: e.HeldOut, Job: wire.OrNull(e.Job), Provider: wire.OrNull(e.Provider), Model: wire.OrNull(e.Model),
		FinishReason: wire.OrNull(e.Finish), Dream: wire.OrNull(e.Dream), CreatedAt: wire.Seconds(e.Created),
	}
	if e.External != e.Conversation {
		view.ConversationID = wire.OrNull(e.External)
	}
	if e.Rating != nil || e.Comment != "" || e.Correction != "" {
		view.Feedback = &feedbackView{Rating: e.Rating, Comment: wire.OrNull(e.Comment),
			Correction: wire.OrNull(e.Correction)}
	}
	return view
}

// wholeConversation puts the answer behind its prompt.
func wholeConversation(e learn.Experience) json.RawMessage {
	prompt := bytes.TrimSuffix(bytes.TrimSpace(e.Prompt), []byte("]"))
	out := append([]byte{}, prompt...)
	if !bytes.Equal(bytes.TrimSpace(prompt), []byte("[")) {
		out = append(out, ',')
	}
	return append(append(out, e.Answer...), ']')
}

// create takes one conversation as JSON, or many as NDJSON or an array, which go
// to the bucket as they come.
func (h experiences) create(w http.ResponseWriter, c *wire.Call) error {
	body := bufio.NewReader(c.Body)
	array, err := lenient.StartsArray(body)
	switch {
	case errors.Is(err, lenient.ErrUTF16):
		return wire.Invalid("", "%v.", err)
	case err != nil:
		return wire.ReadFault(err)
	}
	switch wire.MediaType(c.Request) {
	case "application/json":
		if array {
			return h.importLines(w, c, body)
		}
		return h.importOne(w, c, body)
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines":
		return h.importLines(w, c, body)
	}
	return wire.WrongType(c.Request, "application/json with one conversation or an array of them",
		"application/x-ndjson with one a line")
}

func (h experiences) importOne(w http.ResponseWriter, c *wire.Call, body io.Reader) error {
	c.Body = http.MaxBytesReader(w, io.NopCloser(body), h.maxBody)
	text, err := wire.JSONBody(c)
	if err != nil {
		return err
	}
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		return fmt.Errorf("compact a conversation: %w", err)
	}
	if _, err := tasks.ParseConversation(line.Bytes()); err != nil {
		return err
	}
	return h.importLines(w, c, &line)
}

// importLines keeps the lines and makes the job that reads them.
func (h experiences) importLines(w http.ResponseWriter, c *wire.Call, lines io.Reader) error {
	job := job.NewJob{ID: db.NewID("job_"), Kind: string(tasks.ExperienceImport)}
	object := blob.ImportObject(job.ID)
	counted := newCountedLines(lines)
	if err := h.objects.bucket.Create(c.Context(), object, counted); err != nil {
		return uploadFault(err)
	}
	if counted.lines == 0 {
		h.objects.drop(c, object)
		return wire.Invalid("", "There is no conversation in the body: send one a line.")
	}
	job.Input = plainjson.Of(tasks.ImportInput{Object: object, Lines: counted.lines})
	made, _, err := h.gate.Accept(c, gate.Asked{Job: job, Hash: gate.HashOf(c, counted.hash.Sum(nil))})
	h.objects.settle(c, object, err == nil && made.ID == job.ID, err)
	if err != nil {
		return err
	}
	return h.wait.accepted(w, c, made, "/v1/jobs/"+made.ID, h.show)
}

func (h experiences) list(w http.ResponseWriter, c *wire.Call) error {
	f, page, err := gate.Listed(c, "exp_", gate.Known(h.store.Experience))
	if err != nil {
		return err
	}
	query := c.URL.Query()
	err = wire.OneOf("origin", query.Get("origin"), "live", "import", "memory", "cache", "dream")
	if err != nil {
		return err
	}
	filter := learn.ExperienceFilter{
		Conversation: cmp.Or(query.Get("conversation"), query.Get("conversation_id")), Origin: query.Get("origin"),
		Dream: f.Dream, Job: query.Get("job"), Alias: f.Alias, Provider: f.Provider, Model: f.Model, Text: f.Text,
	}
	rows, more, err := h.store.Experiences(c.Context(), c.Tenant, filter, page)
	if err != nil {
		return err
	}
	return wire.WriteList(w, rows, more, viewExperience, func(v experienceView) string { return v.ID })
}

func (h experiences) get(w http.ResponseWriter, c *wire.Call) error {
	e, err := h.store.Experience(c.Context(), c.Tenant, c.PathValue("id"))
	if err != nil {
		return gate.OrMissing(err, "experience")
	}
	return wire.WriteJSON(w, http.StatusOK, viewExperience(e))
}

// createFeedback keeps a later judgement; what it does not name stays as it is.
func (h experiences) createFeedback(w http.ResponseWriter, c *wire.Call) error {
	body, err := wire.JSONBody(c)
	if err != nil {
		return err
	}
	feedback, err := tasks.ParseFeedback(body)
	if err != nil {
		return err
	}
	if feedback.Rating == nil && feedback.Comment == "" && feedback.Correction == "" {
		return wire.Invalid("rating", "Give at least one of rating (-1, 0 or 1), comment and correction.")
	}
	var rating *int64
	if feedback.Rating != nil {
		rating = new(int64(*feedback.Rating))
	}
	err = h.store.Tx(c.Context(), db.Synced, func(q *store.Queries) error {
		return q.SetFeedback(c.Context(), c.Tenant, c.PathValue("id"), rating, feedback.Comment, feedback.Correction)
	})
	if err != nil {
		return gate.OrMissing(err, "experience")
	}
	return h.get(w, c)
}
