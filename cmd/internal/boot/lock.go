package boot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Lock holds a data directory for one program. The system frees it when the
// program ends, however it ends.
type Lock struct{ file *os.File }

// LockData makes the directory where it is missing and takes its lock, or says
// which program has it.
func LockData(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory (DREAMLAB_DATA): %w", err)
	}
	path := filepath.Join(dir, "lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(fmt.Errorf("lock the data directory: another `dreamlab up` uses %s: "+
			"stop it, or set DREAMLAB_DATA to another directory", dir), file.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
	}
	return &Lock{file}, nil
}

// Close frees the directory.
func (l *Lock) Close() error { return l.file.Close() }
