package api

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"

	"dreamlab/cmd/internal/api/wire"
)

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
