package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// KeyFile is the file in the data directory that holds the first key.
const KeyFile = "admin.key"

// Client is how the verbs that are clients reach the API.
type Client struct {
	URL string
	Key string
}

// LoadClient reads what a client of the API needs: the address and the data
// directory. Whether the server's settings are whole is none of its business.
func LoadClient(options Options) (*Config, error) {
	if options.Lookup == nil {
		options.Lookup = os.LookupEnv
	}
	l := &loader{Config: Default(), options: options, file: cmp.Or(options.File, DefaultFile)}
	var file struct{ Addr, Data string }
	text, err := os.ReadFile(l.file)
	if err == nil {
		err = yaml.Unmarshal(text, &file)
	}
	if err != nil && (options.File != "" || !errors.Is(err, os.ErrNotExist)) {
		return nil, Faults{fmt.Sprintf("read %s: %v", l.file, err)}
	}
	l.Addr, l.Data = cmp.Or(file.Addr, l.Addr), cmp.Or(file.Data, l.Data)
	l.readEnv()
	l.readFlags()
	return l.Config, nil
}

// Client returns where the API is and the key to it: DREAMLAB_URL and
// DREAMLAB_KEY, else the configured address and the key in the data directory.
func (c *Config) Client(lookup func(string) (string, bool)) (Client, error) {
	if lookup == nil {
		lookup = os.LookupEnv
	}
	base, _ := lookup("DREAMLAB_URL")
	key, _ := lookup("DREAMLAB_KEY")
	client := Client{URL: cmp.Or(base, "http://"+reachable(c.Addr)), Key: key}
	if client.Key != "" {
		return client, nil
	}
	path := filepath.Join(c.Data, KeyFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return client, fmt.Errorf("find a key: set DREAMLAB_KEY, or start `dreamlab up`, which writes %s", path)
	}
	if err != nil {
		return client, fmt.Errorf("find a key: %w", err)
	}
	client.Key = strings.TrimSpace(string(text))
	return client, nil
}

// reachable names the host itself where the API listens on all addresses.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
