package experience

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"dreamlab/tasks"
)

// errLong is the error of a line that is longer than one may be.
var errLong = fmt.Errorf("longer than %d bytes: split the conversation", tasks.MaxLine)

// lines reads a file line by line, within bounded memory.
type lines struct {
	reader *bufio.Reader
	number int64 // of the line that was read last, from 1
}

func newLines(r io.Reader) *lines { return &lines{reader: bufio.NewReaderSize(r, 64<<10)} }

// next returns the next line without its end, errLong in place of one that is
// too long, and io.EOF after the last.
func (l *lines) next() ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := l.reader.ReadSlice('\n')
		if long = long || len(line)+len(part) > tasks.MaxLine; !long {
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
		l.number++
		if long {
			return nil, errLong
		}
		return bytes.TrimSpace(line), nil
	}
}
