package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"dreamlab/store"
)

type datasetView struct {
	ID        string         `json:"id"`
	Object    string         `json:"object"`
	Alias     string         `json:"alias"`
	SHA256    string         `json:"sha256"`
	Rows      int64          `json:"rows"`
	Manifest  store.Manifest `json:"manifest"`
	Sources   []string       `json:"sources"` // the first hundred examples; rows tells how many there are
	CreatedAt *int64         `json:"created_at"`
}

const shownSources = 100

func (s *Server) viewDataset(ctx context.Context, d store.Dataset) (datasetView, error) {
	examples, err := s.Store.DatasetExamples(ctx, d.ID, "", shownSources)
	return datasetView{
		ID: d.ID, Object: "dataset", Alias: d.Alias, SHA256: d.SHA256, Rows: d.Rows, Manifest: d.Manifest,
		Sources: some(examples), CreatedAt: seconds(d.Created),
	}, err
}

func (s *Server) listDatasets(w http.ResponseWriter, c *call) error {
	page, err := paged(c)
	if err != nil {
		return err
	}
	rows, more, err := s.Store.Datasets(c.Context(), c.key.Tenant, page)
	if err != nil {
		return err
	}
	views := make([]datasetView, len(rows))
	for i, row := range rows {
		if views[i], err = s.viewDataset(c.Context(), row); err != nil {
			return err
		}
	}
	return writeJSON(w, http.StatusOK, listOf(views, more, func(v datasetView) string { return v.ID }))
}

func (s *Server) getDataset(w http.ResponseWriter, c *call) error {
	d, err := s.Store.Dataset(c.Context(), c.key.Tenant, c.PathValue("id"))
	if err != nil {
		return orMissing(err, "dataset")
	}
	view, err := s.viewDataset(c.Context(), d)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, view)
}

func (s *Server) getDatasetContent(w http.ResponseWriter, c *call) error {
	d, err := s.Store.Dataset(c.Context(), c.key.Tenant, c.PathValue("id"))
	if err != nil {
		return orMissing(err, "dataset")
	}
	return s.sendObject(w, c, d.Object, "application/jsonl")
}

// sendObject streams an object of the bucket. A client that stops reading is
// let go.
func (s *Server) sendObject(w http.ResponseWriter, c *call, name, contentType string) error {
	object, err := s.Bucket.Open(c.Context(), name)
	if err != nil {
		return fmt.Errorf("open object: %w", err)
	}
	w.Header().Set("Content-Type", contentType)
	_, err = io.Copy(patient{w, http.NewResponseController(w)}, object)
	if closeErr := object.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("send object: %w", err)
	}
	return nil
}

// patient gives each write a deadline of its own.
type patient struct {
	io.Writer
	control *http.ResponseController
}

func (p patient) Write(b []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return 0, fmt.Errorf("set write deadline: %w", err)
	}
	return p.Writer.Write(b)
}
