package db

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrText means that a text can not be kept: PostgreSQL takes neither the NUL
// character nor bytes that are not UTF-8, and SQLite would cut it short in some
// functions. In JSON an escaped \u0000 is fine.
var ErrText = errors.New("text holds a NUL character or is not UTF-8: remove it")

// checkText refuses arguments that not every database would keep as they are.
// It stands in front of the drivers, so that both give the same answer and a
// transaction is not lost to it.
func checkText(args []any) error {
	for i, arg := range args {
		if !keepable(arg) {
			return fmt.Errorf("argument %d: %w", i+1, ErrText)
		}
	}
	return nil
}

func keepable(arg any) bool {
	switch v := arg.(type) {
	case string:
		return utf8.ValidString(v) && strings.IndexByte(v, 0) < 0
	case *string:
		return v == nil || keepable(*v)
	}
	return true
}
