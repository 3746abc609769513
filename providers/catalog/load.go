package catalog

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"gopkg.in/yaml.v3"
)

//go:embed *.yaml
var builtin embed.FS

// maxFile bounds an operator's file, in bytes.
const maxFile = 4 << 20

// facts are what the files say.
type facts struct {
	models map[key]Model
	whole  map[string]bool // vendors whose lists name all that they serve
}

// stamp is how a file that has changed is told from one that has not.
type stamp struct {
	changed time.Time
	size    int64
}

// Load reads the built-in files and then the override, whose rows replace those of
// the same vendor and id. The override may be nil. All its faults are reported at
// once.
func Load(override io.Reader) (*Catalog, error) {
	known, err := builtIn()
	if err != nil {
		return nil, err
	}
	if override != nil {
		if err := known.add(override); err != nil {
			return nil, fmt.Errorf("read the file of models and prices: %w", err)
		}
	}
	return newCatalog(known), nil
}

// Open reads the built-in files and then the named ones in their order, whose rows
// replace those of the same vendor and id that came before. [Catalog.Reload] reads
// the named files again. The faults of all files are reported at once.
func Open(names ...string) (*Catalog, error) {
	c := newCatalog(facts{})
	c.files = slices.Clone(names)
	if _, err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Reload reads the catalogue's files again where one of them has changed since they were
// read, and tells whether what it says now is new. With an error the catalogue stays as
// it was; the error is returned once for each change of a file.
func (c *Catalog) Reload() (bool, error) {
	c.reloading.Lock()
	defer c.reloading.Unlock()
	seen := stamps(c.files)
	if c.seen != nil && slices.Equal(seen, c.seen) {
		return false, nil
	}
	c.seen = seen
	known, err := read(c.files)
	if err != nil {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.facts = known
	return true, nil
}

// stamps looks at the files; one that can not be read has a stamp of its own.
func stamps(names []string) []stamp {
	seen := make([]stamp, len(names))
	for i, name := range names {
		if info, err := os.Stat(name); err == nil {
			seen[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return seen
}

func read(names []string) (facts, error) {
	known, err := builtIn()
	if err != nil {
		return known, err
	}
	var faults error
	for _, name := range names {
		if err := known.addFile(name); err != nil {
			faults = errors.Join(faults, fmt.Errorf("read the file of models and prices %s: %w", name, err))
		}
	}
	return known, faults
}

func builtIn() (facts, error) {
	known := facts{models: map[key]Model{}, whole: map[string]bool{}}
	names, err := fs.Glob(builtin, "*.yaml")
	if err != nil {
		return known, err
	}
	for _, name := range names {
		text, err := builtin.ReadFile(name)
		if err == nil {
			err = known.add(bytes.NewReader(text))
		}
		if err != nil {
			return known, fmt.Errorf("read the built-in catalogue: %s: %w", name, err)
		}
	}
	return known, nil
}

func (f *facts) addFile(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.add(file), file.Close())
}

func (f *facts) add(file io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return err
	}
	if len(text) > maxFile {
		return fmt.Errorf("it is larger than %d bytes", maxFile)
	}
	var parsed document
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&parsed); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if parsed.WholeList {
		f.whole[parsed.Vendor] = true
	}
	var faults []error
	for _, r := range parsed.Models {
		if r.Vendor == "" {
			r.Vendor = parsed.Vendor
		}
		m, err := r.model()
		if err != nil {
			faults = append(faults, fmt.Errorf("%s/%s: %w", r.Vendor, r.ID, err))
			continue
		}
		f.models[key{m.Provider, m.ID}] = m
	}
	return errors.Join(faults...)
}
