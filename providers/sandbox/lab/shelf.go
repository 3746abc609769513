package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
)

// ErrFull says that the shelf holds as many bytes as it may.
var ErrFull = errors.New("the sandbox is full: delete files or give it more room")

// ErrAbsent says that nothing has that name.
var ErrAbsent = errors.New("nothing has that name")

var shelfName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,150}$`)

// Shelf keeps named bytes, in a directory or in memory. A name is replaced as
// a whole or not at all. It is safe for concurrent use.
type Shelf struct {
	dir string
	max int64

	mu    sync.Mutex
	sizes map[string]int64
	used  int64
	bytes map[string][]byte // without a directory
}

func openShelf(dir string, max int64) (*Shelf, error) {
	s := &Shelf{dir: dir, max: max, sizes: map[string]int64{}, bytes: map[string][]byte{}}
	if dir == "" {
		return s, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make its directory: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read its directory: %w", err)
	}
	for _, entry := range entries {
		if err := s.adopt(entry); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// adopt counts what an earlier run left, and clears what it left half-written.
func (s *Shelf) adopt(entry fs.DirEntry) error {
	if !shelfName.MatchString(entry.Name()) {
		if matched, err := filepath.Match(".new-*", entry.Name()); err != nil || !matched {
			return err
		}
		return os.Remove(filepath.Join(s.dir, entry.Name()))
	}
	info, err := entry.Info()
	if err != nil {
		return fmt.Errorf("look at %s: %w", entry.Name(), err)
	}
	s.account(entry.Name(), info.Size())
	return nil
}

func (s *Shelf) account(name string, size int64) {
	s.used += size - s.sizes[name]
	s.sizes[name] = size
}

// Save keeps v as JSON.
func (s *Shelf) Save(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	_, err = s.Put(name, bytes.NewReader(data))
	return err
}

// Load reads what Save kept; found is false when nothing has that name.
func (s *Shelf) Load(name string, v any) (found bool, err error) {
	r, err := s.Open(name)
	if errors.Is(err, ErrAbsent) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = json.NewDecoder(r).Decode(v)
	if err != nil {
		err = fmt.Errorf("decode %s: %w", name, err)
	}
	return err == nil, errors.Join(err, r.Close())
}

// Put keeps what r holds and returns its size. It fails with ErrFull, and
// keeps what was there, when that would be too much.
func (s *Shelf) Put(name string, r io.Reader) (int64, error) {
	if !shelfName.MatchString(name) {
		return 0, fmt.Errorf("keep %q: the name needs letters, digits, dots and dashes", name)
	}
	room := s.room(name)
	r = io.LimitReader(r, room+1)
	if s.dir == "" {
		return s.putMemory(name, r, room)
	}
	return s.putFile(name, r, room)
}

// room is what may be put under a name. Two writers at once may together
// exceed it by one of the two.
func (s *Shelf) room(name string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.max-s.used+s.sizes[name], 0)
}

func (s *Shelf) putMemory(name string, r io.Reader, room int64) (int64, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return 0, fmt.Errorf("read what to keep as %s: %w", name, err)
	}
	if int64(len(data)) > room {
		return 0, ErrFull
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes[name] = data
	s.account(name, int64(len(data)))
	return int64(len(data)), nil
}

func (s *Shelf) putFile(name string, r io.Reader, room int64) (int64, error) {
	file, err := os.CreateTemp(s.dir, ".new-*")
	if err != nil {
		return 0, fmt.Errorf("keep %s: %w", name, err)
	}
	size, err := io.Copy(file, r)
	if err == nil && size > room {
		err = ErrFull
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return 0, errors.Join(fmt.Errorf("keep %s: %w", name, err), os.Remove(file.Name()))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.Rename(file.Name(), filepath.Join(s.dir, name)); err != nil {
		return 0, fmt.Errorf("keep %s: %w", name, err)
	}
	s.account(name, size)
	return size, nil
}

// Open reads what Put kept. It fails with ErrAbsent when nothing has that name.
func (s *Shelf) Open(name string) (io.ReadCloser, error) {
	if s.dir == "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		data, found := s.bytes[name]
		if !found {
			return nil, ErrAbsent
		}
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	if !shelfName.MatchString(name) {
		return nil, ErrAbsent
	}
	file, err := os.Open(filepath.Join(s.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrAbsent
	}
	return file, err
}

// Delete forgets a name; that it is absent is no error.
func (s *Shelf) Delete(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found := s.sizes[name]; !found {
		return nil
	}
	s.used -= s.sizes[name]
	delete(s.sizes, name)
	delete(s.bytes, name)
	if s.dir == "" {
		return nil
	}
	return os.Remove(filepath.Join(s.dir, name))
}
