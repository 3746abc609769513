package api

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"dreamlab/store"
	"dreamlab/store/blob"
)

// forgotten is under which a manifest counts the rows of forgotten conversations.
const forgotten = "forgotten"

// forgetRows freezes a dataset again, without the given rows, under the name of
// its new content. The caller makes the move known and drops the old object.
// SHA256 goes on telling what was trained on.
func (h conversations) forgetRows(ctx context.Context, d *store.Dataset, rows []json.RawMessage) error {
	old, err := h.bucket.Open(ctx, d.Object)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	kept, dropped, err := rowsWithout(old, rows)
	if closeErr := old.Close(); err == nil {
		err = closeErr
	}
	if err != nil || dropped == 0 {
		return err
	}
	sum := sha256.Sum256(kept)
	d.Object = store.DatasetObject(hex.EncodeToString(sum[:]))
	d.Rows -= int64(dropped)
	if d.Manifest.Removed == nil {
		d.Manifest.Removed = map[string]int{}
	}
	d.Manifest.Removed[forgotten] += dropped
	return blob.Ensure(ctx, h.bucket, d.Object, bytes.NewReader(kept))
}

// rowsWithout returns a dataset's lines but for those that say what the given
// rows say. A dataset is held in memory when it is made, too.
func rowsWithout(from io.Reader, rows []json.RawMessage) (kept []byte, dropped int, err error) {
	gone := map[string]bool{}
	for _, row := range rows {
		gone[said(row)] = true
	}
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		var row struct{ Messages json.RawMessage }
		if json.Unmarshal(line, &row) == nil && gone[said(row.Messages)] {
			dropped++
		} else {
			kept = append(kept, line...)
		}
		if err == io.EOF {
			return kept, dropped, nil
		}
		if err != nil {
			return nil, 0, err
		}
	}
}

// said is what messages say, whatever else stands beside it: a dataset's row is
// trimmed and weighted.
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
