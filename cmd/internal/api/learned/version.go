package learned

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// versionView is a version in a list, without its lessons.
type versionView struct {
	ID        string  `json:"id"`
	Object    string  `json:"object"`
	Dream     *string `json:"dream"`
	Restored  *string `json:"restored"`
	Lessons   int     `json:"lessons"` // how many it was written with
	CreatedAt *int64  `json:"created_at"`
}

func viewVersion(m learn.Memory) versionView {
	return versionView{
		m.ID, "memory.version", wire.OrNull(m.Dream), wire.OrNull(m.Restored), len(m.Lessons), wire.Seconds(m.Created),
	}
}

// Versions lists the versions of the memory.
func (h Memories) Versions(w http.ResponseWriter, c *wire.Call) error {
	page, err := gate.Paged(c, "mem_", gate.Known(h.store.MemoryVersion))
	if err != nil {
		return err
	}
	rows, more, err := h.store.MemoryVersions(c.Context(), c.Tenant, page)
	if err != nil {
		return err
	}
	return wire.WriteList(w, rows, more, viewVersion, func(v versionView) string { return v.ID })
}

// Version shows a version, or with diff what changed from another one to it.
func (h Memories) Version(w http.ResponseWriter, c *wire.Call) error {
	m, err := h.find(c.Context(), c.Tenant, c.PathValue("id"))
	if err != nil {
		return err
	}
	other := c.URL.Query().Get("diff")
	if other == "" {
		return showMemory(w, c, m)
	}
	from, err := h.earlier(c, m, other)
	if err != nil {
		return err
	}
	return wire.WriteJSON(w, http.StatusOK, viewDiff(from, m))
}

func (h Memories) find(ctx context.Context, tenant, id string) (learn.Memory, error) {
	m, err := h.store.MemoryVersion(ctx, tenant, id)
	return m, gate.OrMissing(err, "version of the memory")
}

// previous stands for the version before; the first is compared with none.
const previous = "previous"

func (h Memories) earlier(c *wire.Call, m learn.Memory, other string) (learn.Memory, error) {
	if other != previous {
		found, err := h.find(c.Context(), c.Tenant, other)
		if err != nil {
			f := gate.FaultOf(err)
			f.Param = "diff"
			return found, f
		}
		return found, nil
	}
	rows, _, err := h.store.MemoryVersions(c.Context(), c.Tenant, db.Page{Limit: 1, After: m.ID})
	if err != nil || len(rows) == 0 {
		return learn.Memory{}, err
	}
	return h.find(c.Context(), c.Tenant, rows[0].ID)
}

// Restore puts the lessons of a version in force again, as a new version.
func (h Memories) Restore(w http.ResponseWriter, c *wire.Call) error {
	if err := wire.NoBody(c); err != nil {
		return err
	}
	id := db.NewID("mem_")
	var m learn.Memory
	err := h.store.Tx(c.Context(), db.Synced, func(q *store.Queries) (err error) {
		m, err = q.RestoreMemory(c.Context(), c.Tenant, c.PathValue("id"), id, blob.MemoryObject(c.Tenant, id))
		return err
	})
	if errors.Is(err, db.ErrConflict) {
		return &wire.Fault{
			Status: http.StatusConflict, Code: "dream_running", Err: err,
			Message: "A dream is running, which goes on from the memory of now: wait for it, or cancel it first.",
		}
	}
	if err != nil {
		return gate.OrMissing(err, "version of the memory")
	}
	err = h.bucket.Create(context.WithoutCancel(c.Context()), m.Object, strings.NewReader(m.Markdown()))
	if err != nil && !errors.Is(err, blob.ErrExists) {
		return fmt.Errorf("write the memory's file: %w", err)
	}
	return wire.WriteJSON(w, http.StatusOK, viewMemory(m))
}
