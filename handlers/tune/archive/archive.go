// Package archive keeps, in the bucket, what a tuned model is: from which rows of which base it was trained, by whom, and
// with which hyper-parameters. Its own machine's adapters stand beside their runs; see package notebook.
package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"dreamlab/store/blob"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// Manifest describes a tuned model.
type Manifest struct {
	Training string       `json:"fine_tuning_job"`
	Tune     string       `json:"tune,omitempty"`
	Dataset  string       `json:"dataset,omitempty"` // ds_…; none where a client's file was trained on
	SHA256   string       `json:"sha256"`            // of the rows
	Trainer  string       `json:"trainer"`           // a vendor
	Base     string       `json:"base"`              // the trainer's name of the weights
	VendorID string       `json:"vendor_id"`         // of the training
	Suffix   string       `json:"suffix"`
	Method   tasks.Method `json:"method"`
	Hyper    tasks.Hyper  `json:"hyper_parameters"` // as they were sent
}

// Keep writes a model's manifest. Repeating it is harmless.
func Keep(ctx context.Context, bucket blob.Bucket, m Manifest) error {
	err := bucket.Create(ctx, blob.ModelObject(m.Training), bytes.NewReader(plainjson.Of(m)))
	if err != nil && !errors.Is(err, blob.ErrExists) {
		return fmt.Errorf("keep the manifest of %s: %w", m.Training, err)
	}
	return nil
}
