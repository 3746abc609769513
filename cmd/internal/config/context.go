package config

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"gopkg.in/yaml.v3"
)

// Contexts are the servers that a user logged in to, by name. They stand in a file of the user's
// with their keys, which nobody else may read.
type Contexts struct {
	Current string             `yaml:"current,omitempty"` // "" for none
	Servers map[string]Context `yaml:"contexts"`

	path string
}

// Context is one server with a key to it.
type Context struct {
	URL string `yaml:"url"`
	Key string `yaml:"key"`
}

// LoadContexts reads the user's file, which need not be there: dreamlab/contexts.yaml in
// XDG_CONFIG_HOME, which is .config in HOME where it is not set.
func LoadContexts(options Options) (*Contexts, error) {
	if options.Lookup == nil {
		options.Lookup = os.LookupEnv
	}
	found := &Contexts{Servers: map[string]Context{}}
	home, _ := options.Lookup("HOME")
	folder, _ := options.Lookup("XDG_CONFIG_HOME")
	if folder == "" && home != "" {
		folder = filepath.Join(home, ".config")
	}
	if folder == "" {
		return found, nil // there is no place for it
	}
	found.path = filepath.Join(folder, "dreamlab", "contexts.yaml")
	info, err := os.Stat(found.path)
	if errors.Is(err, os.ErrNotExist) {
		return found, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the contexts: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, Faults{fmt.Sprintf("others may read the keys in %s: chmod 600 it", found.path)}
	}
	text, err := os.ReadFile(found.path)
	if err != nil {
		return nil, fmt.Errorf("read the contexts: %w", err)
	}
	if err := yaml.Unmarshal(text, found); err != nil {
		return nil, Faults{found.path + " is not a file of contexts"} // its text holds keys
	}
	return found, nil
}

// Save writes the file anew. The one before is replaced when the new one is whole.
func (c *Contexts) Save() error {
	if c.path == "" {
		return errors.New("save the contexts: set HOME or XDG_CONFIG_HOME, where they are kept")
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		return fmt.Errorf("save the contexts: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(c.path), 0o700); err != nil {
		return fmt.Errorf("save the contexts: %w", err)
	}
	part, err := os.CreateTemp(filepath.Dir(c.path), "contexts-") // 0600
	if err != nil {
		return fmt.Errorf("save the contexts: %w", err)
	}
	_, err = part.Write(text)
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), c.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("save the contexts: %w", err), os.Remove(part.Name()))
	}
	return nil
}

// Named returns a context, or a fault that says which there are.
func (c *Contexts) Named(name string) (Context, error) {
	found, known := c.Servers[name]
	if !known {
		return found, Faults{fmt.Sprintf("there is no context %q: dreamlab context list shows them, dreamlab login makes one", name)}
	}
	return found, nil
}

// chosenContext returns the context that a client is to use, and false for none: the one of
// --context; else, where nothing else says where the API is, that of DREAMLAB_CONTEXT or the
// current one.
func chosenContext(options Options) (Context, bool, error) {
	name := options.Flags["context"]
	if name == "" {
		for _, variable := range []string{"DREAMLAB_URL", "DREAMLAB_KEY", "DREAMLAB_DATA"} {
			if value, _ := options.Lookup(variable); value != "" {
				return Context{}, false, nil
			}
		}
		if options.Flags["addr"] != "" || options.Flags["data"] != "" || options.File != "" {
			return Context{}, false, nil
		}
	}
	all, err := LoadContexts(options)
	if err != nil {
		return Context{}, false, err
	}
	usual, _ := options.Lookup("DREAMLAB_CONTEXT")
	if name = cmp.Or(name, usual, all.Current); name == "" {
		return Context{}, false, nil
	}
	found, err := all.Named(name)
	return found, err == nil, err
}
