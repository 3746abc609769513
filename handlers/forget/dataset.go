package forget

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/plainjson"
)

// removedAs is under which a manifest counts the rows of forgotten conversations.
const removedAs = "forgotten"

// cleanDatasets freezes the datasets again without the conversation's rows, and
// removes the objects that no dataset is kept in any more.
func (f *forgetter) cleanDatasets(ctx context.Context) error {
	var faults []error
	for _, id := range f.plan.Datasets {
		faults = append(faults, f.cleanDataset(ctx, id))
	}
	used, err := f.run.Store.DatasetObjectsUsed(ctx, f.plan.Objects)
	if err != nil {
		return errors.Join(append(faults, err)...)
	}
	for _, object := range f.plan.Objects {
		if !used[object] {
			faults = append(faults, remove(ctx, f.Bucket, object))
		}
	}
	return errors.Join(faults...)
}

// cleanDataset freezes a dataset again under the name of its new content. SHA256
// goes on telling what was trained on.
func (f *forgetter) cleanDataset(ctx context.Context, id string) error {
	d, err := f.run.Store.Dataset(ctx, f.run.Job.Tenant, id)
	if err != nil {
		return err
	}
	kept, dropped, err := f.readWithout(ctx, d.Object, f.isRow)
	if errors.Is(err, db.ErrNotFound) {
		return nil
	}
	if err != nil || dropped == 0 {
		return err
	}
	sum := sha256.Sum256(kept)
	d.Object = blob.DatasetObject(hex.EncodeToString(sum[:]))
	d.Rows -= int64(dropped)
	if d.Manifest.Removed == nil {
		d.Manifest.Removed = map[string]int{}
	}
	d.Manifest.Removed[removedAs] += dropped
	if err := blob.Ensure(ctx, f.Bucket, d.Object, bytes.NewReader(kept)); err != nil {
		return err
	}
	return f.run.Tx(ctx, db.Synced, func(q *store.Queries) error { return q.MoveDataset(ctx, d) })
}

// isRow tells whether a dataset's line says what a row of the conversation says.
func (f *forgetter) isRow(line []byte) bool {
	var row struct {
		Messages json.RawMessage
		Input    struct{ Messages []json.RawMessage } // of a preference pair
		Better   []json.RawMessage                    `json:"preferred_output"`
	}
	if json.Unmarshal(line, &row) != nil {
		return false
	}
	if len(row.Better) > 0 {
		row.Messages = plainjson.Of(append(row.Input.Messages, row.Better...))
	}
	return slices.Contains(f.plan.Rows, hashOf(row.Messages))
}

// hashOf is the hash of what messages say, whatever else stands beside it: a
// dataset's row is trimmed and weighted.
func hashOf(messages json.RawMessage) string {
	sum := sha256.Sum256([]byte(said(messages)))
	return hex.EncodeToString(sum[:])
}

func said(messages json.RawMessage) string {
	var list []struct {
		Role    string
		Content json.RawMessage
	}
	if json.Unmarshal(messages, &list) != nil {
		return string(messages)
	}
	var out strings.Builder
	for _, m := range list {
		out.WriteString(m.Role + "\x00" + strings.TrimSpace(contentText(m.Content)) + "\x00")
	}
	return out.String()
}

// contentText reads a message's content: a text, or the texts of its parts.
func contentText(content json.RawMessage) string {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return text
	}
	var parts []struct{ Text string }
	if json.Unmarshal(content, &parts) != nil {
		return ""
	}
	var texts []string
	for _, part := range parts {
		if part.Text != "" {
			texts = append(texts, part.Text)
		}
	}
	return strings.Join(texts, "\n")
}
