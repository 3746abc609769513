package sagemaker

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/amazon"
	"dreamlab/store/plainjson"
)

// Limits of a training file, in bytes.
const (
	maxTuneFile = 1 << 30
	maxRow      = 16 << 20
)

// rowsFile is the one file of a folder of rows: the container reads every file of it.
const rowsFile = "rows.jsonl"

// files keeps training files in S3. Each has a folder of its own, whose name holds the content's
// hash, below one for conversations or one for preference pairs.
type files struct {
	*plane
	bucket  *amazon.Bucket
	foreign func(uri string) (bucket *amazon.Bucket, key string, err error) // finds an object that is not ours
	row     func([]byte) []byte                                             // puts a row into the form that is trained on
}

// The folders of conversations and of preference pairs.
const (
	conversations = "rows/"
	preferences   = "pairs/"
)

// below is the folder of a training file.
func below(folder, filename string) string {
	return folder + strings.TrimSuffix(filename, ".jsonl") + "/"
}

// holdsPairs tells of a file's id whether it has preference pairs.
func (f *files) holdsPairs(id string) bool { return strings.HasPrefix(id, f.bucket.URI(preferences)) }

// Upload writes the rows in the form of JumpStart's containers, and has S3 check what arrives
// by its SHA-256. They are read twice, once to be measured.
func (f *files) Upload(ctx context.Context, upload providers.Upload) (providers.FileStatus, error) {
	if upload.Size <= 0 || upload.Size > maxTuneFile {
		return providers.FileStatus{}, invalid("size", "a training file has from 1 byte to 1 GiB: take fewer rows")
	}
	sum, paired := sha256.New(), false
	size, err := f.convert(upload, func(rows *converted) (size int64, err error) {
		size, err = io.Copy(sum, rows)
		paired = rows.paired
		return size, err
	})
	if err != nil {
		return providers.FileStatus{}, f.client.Refused("", fmt.Errorf("measure the training file: %w", err))
	}
	folder := conversations
	if paired {
		folder = preferences
	}
	file := amazon.File{Size: size, Kind: "application/jsonl", SHA256: hex.EncodeToString(sum.Sum(nil))}
	_, err = f.convert(upload, func(rows *converted) (int64, error) {
		file.Content = rows
		return size, f.bucket.Put(ctx, below(folder, upload.Name)+rowsFile, file)
	})
	if err != nil {
		return providers.FileStatus{}, f.client.Refused("", err)
	}
	return f.status(folder, upload.Name, size), nil
}

// convert has the rows of an upload read in the form that is trained on.
func (f *files) convert(upload providers.Upload, read func(*converted) (int64, error)) (int64, error) {
	content, err := upload.Open()
	if err != nil {
		return 0, fmt.Errorf("open the training file: %w", err)
	}
	defer content.Close()
	return read(newConverted(content, f.row))
}

func (f *files) status(folder, filename string, size int64) providers.FileStatus {
	return providers.FileStatus{ID: f.bucket.URI(below(folder, filename)), Name: filename, Bytes: size, Ready: true}
}

// FindFile looks for a file by its name: an object is there whole or not at all.
func (f *files) FindFile(ctx context.Context, filename string) (providers.FileStatus, bool, error) {
	for _, folder := range []string{conversations, preferences} {
		status, found, err := f.findIn(ctx, folder, filename)
		if err != nil || found {
			return status, found, err
		}
	}
	return providers.FileStatus{}, false, nil
}

func (f *files) findIn(ctx context.Context, folder, filename string) (providers.FileStatus, bool, error) {
	size, found, err := f.bucket.Size(ctx, below(folder, filename)+rowsFile)
	if err != nil || !found {
		return providers.FileStatus{}, false, err
	}
	return f.status(folder, filename, size), true, nil
}

// filename is the name of the file that an id stands for, and its folder.
func (f *files) filename(id string) (folder, filename string, err error) {
	folder = conversations
	if f.holdsPairs(id) {
		folder = preferences
	}
	sum, ours := strings.CutPrefix(id, f.bucket.URI(folder))
	if sum = strings.TrimSuffix(sum, "/"); !ours || sum == "" || strings.Contains(sum, "/") {
		return "", "", invalid("file", "the file is not in the folder of "+envFolder)
	}
	return folder, sum + ".jsonl", nil
}

// File tells that a file is there: it is read when the training begins.
func (f *files) File(ctx context.Context, id string) (providers.FileStatus, error) {
	folder, filename, err := f.filename(id)
	if err != nil {
		return providers.FileStatus{}, err
	}
	status, found, err := f.findIn(ctx, folder, filename)
	if err == nil && !found {
		status.Invalid = "the file is not in S3 any more: upload it again"
	}
	return status, err
}

// DeleteFile deletes the object. One that is gone is no error.
func (f *files) DeleteFile(ctx context.Context, id string) error {
	folder, filename, err := f.filename(id)
	if err != nil {
		return err
	}
	return f.bucket.Delete(ctx, below(folder, filename)+rowsFile)
}

// converted reads rows in the form that is trained on. A row of another form than those of Dream Lab is left as it is:
// who trains judges it.
type converted struct {
	lines  *bufio.Scanner
	row    func([]byte) []byte
	left   []byte
	begun  bool
	paired bool // the first row is a preference pair
}

func newConverted(rows io.Reader, row func([]byte) []byte) *converted {
	lines := bufio.NewScanner(rows)
	lines.Buffer(make([]byte, 64<<10), maxRow)
	return &converted{lines: lines, row: row}
}

// Read returns the next row or a part of it.
func (d *converted) Read(to []byte) (int, error) {
	if len(d.left) == 0 {
		if !d.lines.Scan() {
			if err := d.lines.Err(); err != nil {
				return 0, fmt.Errorf("read a training row: %w", err)
			}
			return 0, io.EOF
		}
		if !d.begun {
			d.begun, d.paired = true, isPair(d.lines.Bytes())
		}
		d.left = append(d.row(d.lines.Bytes()), '\n')
	}
	n := copy(to, d.left)
	d.left = d.left[n:]
	return n, nil
}

// row is a conversation or a preference pair, as Dream Lab writes them.
type row struct {
	Messages json.RawMessage `json:"messages"`
	Input    struct {
		Messages json.RawMessage `json:"messages"`
	} `json:"input"`
	Better json.RawMessage `json:"preferred_output"`
	Worse  json.RawMessage `json:"non_preferred_output"`
}

func readRow(text []byte) (said row) {
	if json.Unmarshal(text, &said) != nil {
		return row{}
	}
	return said
}

func (r row) pair() bool { return r.Input.Messages != nil && r.Better != nil && r.Worse != nil }

func isPair(text []byte) bool { return readRow(text).pair() }

// dialog is a conversation as JumpStart's containers take it: {"dialog":[{"role":…,"content":…}]}.
func dialog(text []byte) []byte {
	said := readRow(text)
	if said.Messages == nil {
		return bytes.Clone(text)
	}
	return plainjson.Of(map[string]json.RawMessage{"dialog": said.Messages})
}

// sample is a row as serverless customization takes it: {"messages":[…]} of a conversation, and of a pair
// {"prompt":[…],"chosen":[…],"rejected":[…]}, all of messages.
func sample(text []byte) []byte {
	said := readRow(text)
	if !said.pair() {
		return bytes.Clone(text)
	}
	return plainjson.Of(map[string]json.RawMessage{"prompt": said.Input.Messages, "chosen": said.Better, "rejected": said.Worse})
}
