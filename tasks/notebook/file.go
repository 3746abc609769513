package notebook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/plainjson"
)

// weights is the file of an adapter's weights, settings the one that says what they belong to.
const (
	weights  = "adapter_model.safetensors"
	settings = "adapter_config.json"
)

// texts are the files that may stand beside the weights. None of them holds code.
func texts() []string {
	return []string{settings, "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"}
}

// goodCheckpoint is the name of a checkpoint, which follows from what is in it.
var goodCheckpoint = regexp.MustCompile(`^checkpoint-[0-9]{1,9}-[0-9a-f]{12}\.tar$`)

// nameable tells whether a run may leave a file of the name. A checkpoint goes back to the
// machine that wrote it and is opened nowhere else.
func nameable(name string) bool {
	return name == weights || slices.Contains(texts(), name) || goodCheckpoint.MatchString(name)
}

// Object names a file of a run in the bucket.
func (r Run) Object(name string) (string, error) {
	if !nameable(name) {
		return "", refused("a run leaves safetensors and the texts beside them, not %.80q", name)
	}
	return object(r.ID, "files/"+name), nil
}

// Put keeps a file of a run: the message about it tells whether it is the one that was meant.
// A checkpoint that is there stays as it was. A file of the adapter takes the place of what a
// session left that ended before it could tell, until the run has ended.
func (b Board) Put(ctx context.Context, r Run, name string, content io.Reader) error {
	object, err := r.Object(name)
	if err != nil {
		return err
	}
	if !goodCheckpoint.MatchString(name) {
		if err := b.clear(ctx, r, object); err != nil {
			return err
		}
	}
	err = b.Bucket.Create(ctx, object, content)
	if err == nil || errors.Is(err, blob.ErrExists) {
		return nil
	}
	return fmt.Errorf("keep %s of %s: %w", name, r.ID, err)
}

func (b Board) clear(ctx context.Context, r Run, object string) error {
	now, err := b.State(ctx, r)
	if err == nil && now.State == Ended {
		return refused("the run has ended")
	}
	if err == nil {
		err = b.Bucket.Delete(ctx, object)
	}
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return fmt.Errorf("clear %s: %w", object, err)
	}
	return nil
}

// Open reads a file of a run.
func (b Board) Open(ctx context.Context, r Run, name string) (io.ReadCloser, error) {
	object, err := r.Object(name)
	if err != nil {
		return nil, err
	}
	return b.Bucket.Open(ctx, object)
}

// check looks at the files that a message tells of.
func (b Board) check(ctx context.Context, r Run, m *Message) error {
	switch m.Kind {
	case "started", "heartbeat", "paused", "stopped":
		return nil
	case "checkpoint":
		if m.File == nil || !goodCheckpoint.MatchString(m.File.Name) {
			return refused("the checkpoint names no file")
		}
		return b.holds(ctx, r, *m.File)
	case "end":
		return b.whole(ctx, r, m.Files)
	}
	return refused("a message of the kind %.40q is not known", m.Kind)
}

// whole looks whether an end has an adapter, and each file what was told of it.
func (b Board) whole(ctx context.Context, r Run, files []File) error {
	for _, need := range []string{weights, settings} {
		if !slices.ContainsFunc(files, func(f File) bool { return f.Name == need }) {
			return refused("the end has no %s", need)
		}
	}
	for _, f := range files {
		if f.Name != weights && !slices.Contains(texts(), f.Name) {
			return refused("the end has a file that is not taken: %.80q", f.Name)
		}
		if err := b.holds(ctx, r, f); err != nil {
			return err
		}
	}
	return nil
}

// holds looks whether a file is there and what was told of it.
func (b Board) holds(ctx context.Context, r Run, f File) error {
	file, err := b.Open(ctx, r, f.Name)
	if err != nil {
		return refused("%s was not put", f.Name)
	}
	defer file.Close()
	sum, limited := sha256.New(), io.LimitReader(file, MaxFile+1)
	read := io.TeeReader(limited, sum)
	if f.Name == weights {
		if err := safe(read); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, read); err != nil {
		return fmt.Errorf("read %s of %s: %w", f.Name, r.ID, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return refused("%s does not have the sha256 that was told", f.Name)
	}
	return nil
}

// safe looks whether a file begins as safetensors do: with the length of a JSON object that
// describes what follows (https://github.com/huggingface/safetensors#format).
func safe(file io.Reader) error {
	var length uint64
	if err := binary.Read(file, binary.LittleEndian, &length); err != nil || length < 2 || length > maxHeader {
		return refused("%s is no file of safetensors", weights)
	}
	header := make([]byte, length)
	var tensors map[string]json.RawMessage
	if _, err := io.ReadFull(file, header); err != nil || json.Unmarshal(header, &tensors) != nil {
		return refused("%s is no file of safetensors", weights)
	}
	return nil
}

// Manifest says what an adapter is: what it was trained from and how, and what each of its
// files holds.
type Manifest struct {
	Run          string   `json:"run"`
	Tune         string   `json:"tune"`
	Base         string   `json:"base"`
	Revision     string   `json:"revision,omitempty"` // of the base's weights
	Rows         string   `json:"rows"`               // the dataset in the bucket
	RowsSHA256   string   `json:"rows_sha256"`
	Epochs       int      `json:"epochs"`
	BatchSize    int      `json:"batch_size"`
	LearningRate float64  `json:"learning_rate"`
	Rank         int      `json:"rank"`
	Alpha        int      `json:"alpha"`
	Seed         int64    `json:"seed"`
	Packages     []string `json:"packages"`
	Files        []File   `json:"files"` // beside the manifest
}

// Archive writes the manifest beside the files of a run that has ended, and returns it.
// Repeating it is harmless.
func (b Board) Archive(ctx context.Context, r Run) (Manifest, error) {
	now, err := b.State(ctx, r)
	if err == nil && now.State != Ended {
		err = refused("the run has not ended")
	}
	if err != nil {
		return Manifest{}, err
	}
	m := Manifest{
		Run: r.ID, Tune: r.Tune, Base: r.Base, Revision: cmp.Or(now.Revision, r.Revision), Rows: r.Data, RowsSHA256: r.SHA256,
		Epochs: r.Epochs, BatchSize: r.BatchSize, LearningRate: r.LearningRate, Rank: r.Rank, Alpha: r.Alpha, Seed: r.Seed,
		Packages: packages(), Files: now.Files,
	}
	err = blob.Ensure(ctx, b.Bucket, object(r.ID, "files/manifest.json"), bytes.NewReader(plainjson.Of(m)))
	if err != nil && !errors.Is(err, blob.ErrExists) {
		return m, fmt.Errorf("archive %s: %w", r.ID, err)
	}
	return m, nil
}
