package blob

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
)

// Ensure is Create for steps that may run again: where the object is there and
// holds the same bytes, it is adopted. Other content fails with ErrExists, for
// a name stands for one content.
func Ensure(ctx context.Context, bucket Bucket, name string, content io.ReadSeeker) error {
	start, err := content.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("ensure object %s: %w", name, err)
	}
	err = bucket.Create(ctx, name, content)
	if !errors.Is(err, ErrExists) {
		return err
	}
	if _, err := content.Seek(start, io.SeekStart); err != nil {
		return fmt.Errorf("ensure object %s: %w", name, err)
	}
	kept, openErr := bucket.Open(ctx, name)
	if openErr != nil {
		return openErr
	}
	same, compareErr := equal(kept, content)
	if err := errors.Join(compareErr, kept.Close()); err != nil {
		return fmt.Errorf("ensure object %s: %w", name, err)
	}
	if !same {
		return fmt.Errorf("ensure object %s, with other content: %w", name, ErrExists)
	}
	return nil
}

// equal compares two streams in bounded memory.
func equal(a, b io.Reader) (bool, error) {
	left, right := bufio.NewReaderSize(a, 32<<10), bufio.NewReaderSize(b, 32<<10)
	for {
		x, errX := left.ReadByte()
		y, errY := right.ReadByte()
		switch {
		case errX == io.EOF || errY == io.EOF:
			return errX == errY, nil
		case errX != nil || errY != nil:
			return false, errors.Join(errX, errY)
		case x != y:
			return false, nil
		}
	}
}
