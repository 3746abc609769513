package lenient

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Rows reads JSON values that stand one a line, or are the items of one array,
// within bounded memory. It starts with [NewRows].
type Rows struct {
	reader *bufio.Reader
	most   int
	number int64
	begun  bool
	array  bool
	ended  bool // the array's end was read
}

// NewRows reads rows of at most so many bytes each.
func NewRows(from io.Reader, most int) *Rows {
	return &Rows{reader: bufio.NewReaderSize(from, 64<<10), most: most}
}

// Number is the place of the row that was read last, counted from 1: its line,
// empty ones counted, or its item in the array.
func (r *Rows) Number() int64 { return r.number }

// Array tells whether the rows are the items of an array. It is known once one
// was read.
func (r *Rows) Array() bool { return r.array }

// Next returns the next row without the space around it. An empty line is a row
// without bytes. A row need not be JSON: one that is broken ends with its line, or
// where the array's next item begins. It fails with ErrLong in place of a row that
// is too long, after which the next one can be read; with ErrUTF16; with io.EOF
// behind the last.
func (r *Rows) Next() ([]byte, error) {
	if !r.begun {
		if err := r.begin(); err != nil {
			return nil, err
		}
	}
	if r.array {
		return r.item()
	}
	return r.line()
}

// begin finds out whether an array follows.
func (r *Rows) begin() error {
	if err := skipMark(r.reader); err != nil {
		return err
	}
	r.begun = true
	at, err := arrayAt(r.reader)
	if r.array = at >= 0; r.array {
		_, err = r.reader.Discard(at + 1)
	}
	return err
}

// StartsArray tells whether a text is a JSON array. It takes nothing from the
// reader but a byte order mark, and looks no further than its buffer. It fails with
// ErrUTF16, and with an error of the reader.
func StartsArray(reader *bufio.Reader) (bool, error) {
	if err := skipMark(reader); err != nil {
		return false, err
	}
	at, err := arrayAt(reader)
	return at >= 0, err
}

// arrayAt is where the bracket of an array stands behind space, or -1.
func arrayAt(reader *bufio.Reader) (int, error) {
	for at := range reader.Size() {
		start, err := reader.Peek(at + 1)
		switch {
		case errors.Is(err, io.EOF): // there is only space
			return -1, nil
		case err != nil:
			return -1, err
		case start[at] == '[':
			return at, nil
		case !space(start[at]):
			return -1, nil
		}
	}
	return -1, nil
}

func (r *Rows) line() ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := r.reader.ReadSlice('\n')
		if long = long || len(line)+len(part) > r.most; !long {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) == 0 && !long:
			return nil, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		}
		r.number++
		if long {
			return nil, ErrLong
		}
		return bytes.TrimSpace(line), nil
	}
}

// item reads up to the comma or bracket behind an item of the array. What stands
// behind the array is passed over.
func (r *Rows) item() ([]byte, error) {
	item := piece{most: r.most}
	for !r.ended {
		c, err := r.reader.ReadByte()
		if errors.Is(err, io.EOF) {
			r.ended = true // the array broke off
			break
		}
		if err != nil {
			return nil, err
		}
		if item.depth == 0 && !item.quoted && (c == ',' || c == ']') {
			r.ended = c == ']'
			break
		}
		item.add(c)
	}
	if len(item.text) == 0 && !item.long && r.ended {
		return nil, io.EOF
	}
	r.number++
	if item.long {
		return nil, ErrLong
	}
	return bytes.TrimSpace(item.text), nil
}

// piece is an item while it is read.
type piece struct {
	text    []byte
	most    int
	depth   int
	quoted  bool // inside of a string
	escaped bool // behind a backslash
	long    bool
}

func (p *piece) add(c byte) {
	switch {
	case p.escaped:
		p.escaped = false
	case p.quoted && c == '\\':
		p.escaped = true
	case c == '"':
		p.quoted = !p.quoted
	case p.quoted:
	case c == '{' || c == '[':
		p.depth++
	case (c == '}' || c == ']') && p.depth > 0:
		p.depth--
	}
	if len(p.text) == 0 && space(c) {
		return
	}
	if p.long = p.long || len(p.text) == p.most; !p.long {
		p.text = append(p.text, c)
	}
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
