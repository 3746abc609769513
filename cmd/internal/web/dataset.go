package web

import (
	"net/url"

	"dreamlab/cmd/internal/web/say"
)

// datasetView is a frozen set of examples.
type datasetView struct {
	ID        string   `json:"id"`
	Alias     string   `json:"alias"`
	SHA256    string   `json:"sha256"`
	Rows      int64    `json:"rows"`
	Manifest  manifest `json:"manifest"`
	Sources   []string `json:"sources"`
	CreatedAt *int64   `json:"created_at"`
}

type manifest struct {
	Bytes   int64          `json:"bytes"`
	Tokens  int64          `json:"tokens"`
	In      int            `json:"in"`
	Removed map[string]int `json:"removed"`
	Split   string         `json:"split"`
	Mix     mixView        `json:"mix"`
	Authors map[string]int `json:"authors"`
	Origins map[string]int `json:"origins"`
	Planted plantedView    `json:"planted"`
	Hyper   hyperView      `json:"hyper_parameters"`
}

// mixView is what of a dataset's rows is new and what is replayed.
type mixView struct {
	New      int `json:"new"`
	Replayed int `json:"replayed"`
	LeftOut  int `json:"left_out"`
}

// plantedView are the rows that tried the filters.
type plantedView struct {
	Rows int `json:"rows"`
}

// hyperView are the hyper-parameters that were chosen for so many rows.
type hyperView struct {
	Epochs       int     `json:"epochs"`
	LearningRate float64 `json:"learning_rate"`
	Rank         int     `json:"rank"`
}

// Filters returns what each filter took out.
func (m manifest) Filters() []reason { return ranked(m.Removed) }

// Writers returns who wrote the answers.
func (m manifest) Writers() []reason { return ranked(m.Authors) }

// Sources returns where the conversations came from.
func (m manifest) Sources() []reason { return ranked(m.Origins) }

func datasetsPage(v *visit) error {
	found, err := listed[datasetView](v, "/v1/datasets")
	if err != nil {
		return err
	}
	return v.show("datasets", "Datasets", found)
}

func datasetPage(v *visit) error {
	var body datasetView
	if err := v.get("/v1/datasets/"+url.PathEscape(v.r.PathValue("id")), nil, &body); err != nil {
		return err
	}
	return v.show("dataset", "Dataset "+say.Brief(body.ID), body)
}
