package learned

import (
	"errors"
	"net/http"
	"strings"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

type reviewView struct {
	Status     string  `json:"status"` // open, kept, rejected, edited
	Reason     *string `json:"reason"`
	Reviewer   *string `json:"reviewer"` // the id of the API key
	ReviewedAt *int64  `json:"reviewed_at"`
}

func viewReview(r learn.Review) reviewView {
	view := reviewView{r.Verdict, wire.OrNull(r.Reason), wire.OrNull(r.Reviewer), wire.Seconds(r.At)}
	if view.Status == "" {
		view.Status = learn.ReviewOpen
	}
	return view
}

// Bounds of a review, in bytes.
const (
	maxReason = 2000
	maxAnswer = 256 << 10
)

// newReview is the body of POST /v1/examples/{id}/review.
type newReview struct {
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"`
	Answer  string `json:"answer"` // becomes the row's. Only with keep.
}

func (n newReview) check() error {
	switch {
	case n.Verdict != "keep" && n.Verdict != "reject":
		return wire.Invalid("verdict", "verdict is keep or reject.")
	case len(n.Reason) > maxReason:
		return wire.Invalid("reason", "reason has at most %d bytes.", maxReason)
	case n.Answer != "" && n.Verdict == "reject":
		return wire.Invalid("answer", "A rejected row takes no answer: keep it with the better one.")
	case len(n.Answer) > maxAnswer:
		return wire.Invalid("answer", "answer has at most %d bytes.", maxAnswer)
	case n.Answer != "" && strings.TrimSpace(n.Answer) == "":
		return wire.Invalid("answer", "answer is empty: leave it out to keep the row as it is.")
	}
	return nil
}

// Review stores a person's verdict on an example. A later one takes its place.
func (h Examples) Review(w http.ResponseWriter, c *wire.Call) error {
	var n newReview
	if err := wire.Read(c, &n); err != nil {
		return err
	}
	if err := n.check(); err != nil {
		return err
	}
	review := learn.Review{Verdict: learn.ReviewKept, Reviewer: c.Key, Reason: n.Reason}
	if n.Verdict == "reject" {
		review.Verdict = learn.ReviewRejected
	}
	return h.change(w, c, func(q *store.Queries) error {
		return q.ReviewExample(c.Context(), c.Tenant, c.PathValue("id"), review, n.Answer)
	})
}

// UndoReview takes the verdict back, and the answer that came with it.
func (h Examples) UndoReview(w http.ResponseWriter, c *wire.Call) error {
	if err := wire.NoBody(c); err != nil {
		return err
	}
	return h.change(w, c, func(q *store.Queries) error {
		return q.UndoReview(c.Context(), c.Tenant, c.PathValue("id"), c.Key)
	})
}

// change writes to an example and shows it.
func (h Examples) change(w http.ResponseWriter, c *wire.Call, write func(*store.Queries) error) error {
	err := h.store.Tx(c.Context(), db.Synced, write)
	switch {
	case errors.Is(err, learn.ErrWithdrawn):
		return conflict("The example was withdrawn, with its dream or for a new one: it is in no dataset.", err)
	case errors.Is(err, db.ErrConflict):
		return conflict("There is no verdict on the example that could be taken back.", err)
	case err != nil:
		return gate.OrMissing(err, "example")
	}
	return h.Get(w, c)
}

func conflict(message string, err error) error {
	return &wire.Fault{Status: http.StatusConflict, Code: "invalid_request", Message: message, Err: err}
}
