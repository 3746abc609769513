package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store/blob"
	"dreamlab/store/db"
)

// objects sends what the bucket holds, and drops what was kept in vain.
type objects struct {
	bucket blob.Bucket
	log    zerolog.Logger
}

// send streams an object of the bucket. Its length is said beforehand, and where
// the object breaks off so does the connection: what is cut never looks whole.
func (o objects) send(w http.ResponseWriter, c *wire.Call, name, contentType string) error {
	known, err := o.bucket.Stat(c.Context(), name)
	if err != nil {
		return fmt.Errorf("look at object: %w", err)
	}
	object, err := o.bucket.Open(c.Context(), name)
	if err != nil {
		return fmt.Errorf("open object: %w", err)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.FormatInt(known.Size, 10))
	if c.Method != http.MethodHead {
		_, err = io.CopyN(wire.NewPatient(w), object, known.Size)
	}
	if err := errors.Join(err, object.Close()); err != nil {
		return fmt.Errorf("send object: %w: %w", wire.ErrCut, err)
	}
	return nil
}

// drop removes what was kept for a request that came to nothing, for a client
// that has gone, too. What can not be removed now is the collector's, and none of
// the client's business.
func (o objects) drop(c *wire.Call, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), 10*time.Second)
	defer cancel()
	if err := o.bucket.Delete(ctx, name); err != nil && !errors.Is(err, db.ErrNotFound) {
		o.log.Warn().Err(err).Str("request", c.ID).Msg("remove an upload that is not needed; the collector tries again")
	}
}

// settle drops an upload that nothing names: the same was there before, or it was
// refused. Where a fault leaves open what the database did it stays; the collector
// removes what no row names.
func (o objects) settle(c *wire.Call, name string, named bool, err error) {
	if named || err != nil && gate.FaultOf(err).Status >= http.StatusInternalServerError {
		return
	}
	o.drop(c, name)
}

// uploadFault tells what the client did wrong from what the bucket did.
func uploadFault(err error) error {
	var tooLarge *http.MaxBytesError
	var f *wire.Fault
	if errors.As(err, &tooLarge) || errors.As(err, &f) {
		return err
	}
	return fmt.Errorf("keep upload: %w", err)
}

// deletedView tells that something is gone, in OpenAI's shape.
type deletedView struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Deleted bool   `json:"deleted"`
}

// countedLines passes lines on and notes how many hold something, and their
// hash. An error of the client's connection is told as such.
type countedLines struct {
	from  io.Reader
	hash  hash.Hash
	lines int64
	full  bool // the line at hand holds something
}

func newCountedLines(from io.Reader) *countedLines {
	return &countedLines{from: from, hash: sha256.New()}
}

// Read counts a line when its end, or the end of all, has come.
func (c *countedLines) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.hash.Write(p[:n])
	c.count(p[:n])
	if err == nil {
		return n, nil
	}
	if err != io.EOF {
		return n, wire.ReadFault(err)
	}
	c.endLine()
	return n, io.EOF
}

func (c *countedLines) count(part []byte) {
	for {
		at := bytes.IndexByte(part, '\n')
		if at < 0 {
			c.full = c.full || len(bytes.TrimSpace(part)) > 0
			return
		}
		c.full = c.full || len(bytes.TrimSpace(part[:at])) > 0
		c.endLine()
		part = part[at+1:]
	}
}

func (c *countedLines) endLine() {
	if c.full {
		c.lines++
	}
	c.full = false
}
