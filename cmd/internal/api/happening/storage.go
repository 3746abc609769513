package happening

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/operate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// inbox is the folder of the bucket whose objects are imported, as inbox/<tenant>/<name>.
const inbox = "inbox/"

// finalized is the type of the event that an object is there
// (https://cloud.google.com/eventarc/docs/reference/supported-events).
const finalized = "google.cloud.storage.object.v1.finalized"

// Inbox makes imports of the objects that arrive in the bucket.
type Inbox struct {
	Store *store.Store
	Gate  *gate.Gate
	// Accepted answers with the job.
	Accepted operate.Accepted
	// Bucket is the name of the bucket, and Prefix what its objects' names begin with.
	Bucket, Prefix string

	tokens *verifier
}

// NewInbox returns an inbox that takes the tokens of a signer.
func NewInbox(in Inbox, s Signer, now func() time.Time) *Inbox {
	in.tokens = newVerifier(s, now)
	return &in
}

// object is what the event says of it
// (https://github.com/googleapis/google-cloudevents, StorageObjectData).
type object struct {
	Bucket     string `json:"bucket"`
	Name       string `json:"name"`
	Generation string `json:"generation"`
}

// ignoredView tells that an event made no job.
type ignoredView struct {
	Object  string `json:"object"`
	Ignored string `json:"ignored"` // why
}

// Take makes an import of an object of the inbox, once a generation. Events of other objects are
// taken without a job: a refusal would have them sent again for a day.
func (h *Inbox) Take(w http.ResponseWriter, c *wire.Call) error {
	scheme, token, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	err := errToken
	if strings.EqualFold(scheme, "Bearer") {
		err = h.tokens.check(c.Context(), token)
	}
	if errors.Is(err, errToken) {
		return &wire.Fault{Status: http.StatusUnauthorized, Code: "invalid_api_key", Err: err,
			Message: "Send the identity token of the service account that is set as events_account, made for events_audience."}
	}
	if err != nil {
		return err
	}
	kind, o, err := readEvent(c)
	if err != nil {
		return err
	}
	name, why := h.inboxed(kind, o)
	if why != "" {
		return wire.WriteJSON(w, http.StatusOK, ignoredView{"storage.event", why})
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(name, inbox), "/")
	if _, err := h.Store.Tenant(c.Context(), tenant); errors.Is(err, db.ErrNotFound) {
		return wire.WriteJSON(w, http.StatusOK, ignoredView{"storage.event", "there is no such tenant"})
	} else if err != nil {
		return err
	}
	c.Tenant = tenant
	return h.accept(w, c, name, o)
}

func (h *Inbox) accept(w http.ResponseWriter, c *wire.Call, name string, o object) error {
	sum := sha256.Sum256([]byte(o.Bucket + "\n" + o.Name + "\n" + o.Generation))
	once := hex.EncodeToString(sum[:])
	c.Header.Set("Idempotency-Key", "storage-"+once)
	j, _, err := h.Gate.Accept(c, gate.Asked{Hash: once, Job: job.NewJob{
		Kind: string(tasks.ExperienceImport), Input: plainjson.Of(tasks.ImportInput{Object: name}),
	}})
	if err != nil {
		return err
	}
	return h.Accepted(w, c, j)
}

// inboxed returns the object's name in our bucket, or why it is none of the inbox.
func (h *Inbox) inboxed(kind string, o object) (name, why string) {
	name, ours := strings.CutPrefix(o.Name, h.Prefix)
	rest, in := strings.CutPrefix(name, inbox)
	tenant, file, whole := strings.Cut(rest, "/")
	switch {
	case kind != finalized:
		return "", "the event is not of the type " + finalized
	case o.Bucket != h.Bucket || !ours || !in:
		return "", "the object does not lie in the inbox of the bucket"
	case !whole || tenant == "" || file == "" || strings.HasSuffix(file, "/"):
		return "", "the object's name is not inbox/<tenant>/<name>"
	case o.Generation == "":
		return "", "the event names no generation"
	case blob.CheckName(name) != nil:
		return "", "the object's name holds what names here do not: take letters, digits, dots, dashes and underscores"
	}
	return name, ""
}

// readEvent reads a CloudEvent in its binary or its structured form
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md).
func readEvent(c *wire.Call) (kind string, o object, err error) {
	text, err := io.ReadAll(c.Body)
	if err != nil {
		return "", o, wire.ReadFault(err)
	}
	media, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil {
		return "", o, wire.Invalid("", "Send a CloudEvent: with a Content-Type.")
	}
	kind = c.Header.Get("Ce-Type")
	if media == "application/cloudevents+json" {
		var event struct {
			Type string          `json:"type"`
			Data json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(text, &event); err != nil {
			return "", o, wire.Invalid("", "The CloudEvent is no JSON object.")
		}
		kind, text = event.Type, event.Data
	}
	if err := json.Unmarshal(text, &o); err != nil || kind == "" {
		return "", o, wire.Invalid("", "Send a CloudEvent of Cloud Storage, in its binary or its structured form.")
	}
	return kind, o, nil
}
