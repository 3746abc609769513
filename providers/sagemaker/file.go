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
// hash.
type files struct {
	*plane
	bucket *amazon.Bucket
}

// below is the folder of a training file.
func below(filename string) string { return "rows/" + strings.TrimSuffix(filename, ".jsonl") + "/" }

// Upload writes the rows in the form of JumpStart's containers, and has S3 check what arrives
// by its SHA-256. They are read twice, once to be measured.
func (f *files) Upload(ctx context.Context, upload providers.Upload) (providers.FileStatus, error) {
	if upload.Size <= 0 || upload.Size > maxTuneFile {
		return providers.FileStatus{}, invalid("size", "a training file has from 1 byte to 1 GiB: take fewer rows")
	}
	sum := sha256.New()
	size, err := convert(upload, func(rows io.Reader) (int64, error) { return io.Copy(sum, rows) })
	if err != nil {
		return providers.FileStatus{}, f.client.Refused("", fmt.Errorf("measure the training file: %w", err))
	}
	file := amazon.File{Size: size, Kind: "application/jsonl", SHA256: hex.EncodeToString(sum.Sum(nil))}
	_, err = convert(upload, func(rows io.Reader) (int64, error) {
		file.Content = rows
		return size, f.bucket.Put(ctx, below(upload.Name)+rowsFile, file)
	})
	if err != nil {
		return providers.FileStatus{}, f.client.Refused("", err)
	}
	return f.status(upload.Name, size), nil
}

// convert has the rows of an upload read in the form of the containers.
func convert(upload providers.Upload, read func(io.Reader) (int64, error)) (int64, error) {
	content, err := upload.Open()
	if err != nil {
		return 0, fmt.Errorf("open the training file: %w", err)
	}
	defer content.Close()
	return read(newDialogs(content))
}

func (f *files) status(filename string, size int64) providers.FileStatus {
	return providers.FileStatus{ID: f.bucket.URI(below(filename)), Name: filename, Bytes: size, Ready: true}
}

// FindFile looks for a file by its name: an object is there whole or not at all.
func (f *files) FindFile(ctx context.Context, filename string) (providers.FileStatus, bool, error) {
	size, found, err := f.bucket.Size(ctx, below(filename)+rowsFile)
	if err != nil || !found {
		return providers.FileStatus{}, false, err
	}
	return f.status(filename, size), true, nil
}

// filename is the name of the file that an id stands for.
func (f *files) filename(id string) (string, error) {
	sum, ours := strings.CutPrefix(id, f.bucket.URI("rows/"))
	if sum = strings.TrimSuffix(sum, "/"); !ours || sum == "" || strings.Contains(sum, "/") {
		return "", invalid("file", "the file is not in the folder of "+envFolder)
	}
	return sum + ".jsonl", nil
}

// File tells that a file is there: it is read when the training begins.
func (f *files) File(ctx context.Context, id string) (providers.FileStatus, error) {
	filename, err := f.filename(id)
	if err != nil {
		return providers.FileStatus{}, err
	}
	status, found, err := f.FindFile(ctx, filename)
	if err == nil && !found {
		status.Invalid = "the file is not in S3 any more: upload it again"
	}
	return status, err
}

// DeleteFile deletes the object. One that is gone is no error.
func (f *files) DeleteFile(ctx context.Context, id string) error {
	filename, err := f.filename(id)
	if err != nil {
		return err
	}
	return f.bucket.Delete(ctx, below(filename)+rowsFile)
}

// dialogs reads rows of conversations and says them as JumpStart's containers take them:
// {"dialog":[{"role":…,"content":…}]}. A row of another form is left as it is: the container
// judges it.
type dialogs struct {
	lines *bufio.Scanner
	left  []byte
}

func newDialogs(rows io.Reader) *dialogs {
	lines := bufio.NewScanner(rows)
	lines.Buffer(make([]byte, 64<<10), maxRow)
	return &dialogs{lines: lines}
}

// Read returns the next row or a part of it.
func (d *dialogs) Read(to []byte) (int, error) {
	if len(d.left) == 0 {
		if !d.lines.Scan() {
			if err := d.lines.Err(); err != nil {
				return 0, fmt.Errorf("read a training row: %w", err)
			}
			return 0, io.EOF
		}
		d.left = append(dialog(d.lines.Bytes()), '\n')
	}
	n := copy(to, d.left)
	d.left = d.left[n:]
	return n, nil
}

func dialog(row []byte) []byte {
	var said struct {
		Messages json.RawMessage `json:"messages"`
	}
	if json.Unmarshal(row, &said) != nil || said.Messages == nil {
		return bytes.Clone(row)
	}
	return plainjson.Of(map[string]json.RawMessage{"dialog": said.Messages})
}
