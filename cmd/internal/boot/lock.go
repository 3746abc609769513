package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// lockFile tells, in the data directory, which process holds it.
const lockFile = "lock"

// Lock holds a data directory for one program. The system frees it when the
// program ends, however it ends.
type Lock struct{ dir *os.File }

// LockData makes the directory where it is missing and takes its lock, or says
// which program has it. The directory itself is locked: no file can be removed to
// get around that.
func LockData(dir string) (*Lock, error) {
	if err := ownData(dir); err != nil {
		return nil, err
	}
	opened, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	err = syscall.Flock(int(opened.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(fmt.Errorf("lock the data directory: another `dreamlab up` uses %s%s: "+
			"stop it, or set DREAMLAB_DATA to another directory", dir, holder(dir)), opened.Close())
	}
	if err == nil {
		err = writeSecret(filepath.Join(dir, lockFile), strconv.Itoa(os.Getpid()))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the data directory: %w", err), opened.Close())
	}
	return &Lock{opened}, nil
}

// holder names the process that holds a directory, where it told.
func holder(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, lockFile))
	pid, bad := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || bad != nil {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}

// Close frees the directory.
func (l *Lock) Close() error { return l.dir.Close() }

// ownData makes the data directory where it is missing, and keeps it and what
// holds prompts or keys in it from everybody else on the machine, whatever made
// them. One that all may write to, such as /tmp, stays as it is.
func ownData(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory (DREAMLAB_DATA): %w", err)
	}
	found, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at the data directory (DREAMLAB_DATA): %w", err)
	}
	if found.Mode()&fs.ModeSticky == 0 {
		if err := tighten(dir, found, 0o700); err != nil {
			return err
		}
	}
	return ownFiles(dir)
}

// makeDatabase makes the database's file where it is missing, so that its
// companions are made alike.
func makeDatabase(path string) error {
	made, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = made.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the database's file: %w", err)
	}
	return nil
}

func ownFiles(dir string) error {
	for _, name := range []string{databaseFile, databaseFile + "-wal", databaseFile + "-shm"} {
		path := filepath.Join(dir, name)
		found, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = tighten(path, found, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tighten removes the permissions of other users. A process that may not change them leaves it
// to the owner.
func tighten(path string, found fs.FileInfo, mode fs.FileMode) error {
	if found.Mode().Perm()&^mode == 0 {
		return nil
	}
	if err := os.Chmod(path, mode); err != nil && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("keep the data directory from others: %w", err)
	}
	return nil
}

// writeSecret replaces the file as a whole, readable to its owner alone. It writes
// to a new file of a random name and follows no link.
func writeSecret(path, secret string) error {
	fresh, err := os.CreateTemp(filepath.Dir(path), ".fresh-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	_, err = fresh.WriteString(secret + "\n")
	if err = errors.Join(err, fresh.Sync(), fresh.Close()); err == nil {
		err = os.Rename(fresh.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", filepath.Base(path), err), os.Remove(fresh.Name()))
	}
	return nil
}
