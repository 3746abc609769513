package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// Files in the data directory by which clients find the `dreamlab up` of it.
const (
	KeyFile     = "admin.key"
	AddressFile = "api.url" // there while it runs
)

// ErrNoKey means that there is no key to ask with.
var ErrNoKey = errors.New("find a key")

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
// DREAMLAB_KEY, else a context that was chosen, else what is kept in the data directory. A --addr is believed more
// than the address there, which is believed more than a configured one: the server
// may have been started with another. The key that is kept goes to the server of
// the data directory alone, whatever DREAMLAB_URL says.
func (c *Config) Client(options Options) (Client, error) {
	if options.Lookup == nil {
		options.Lookup = os.LookupEnv
	}
	if server, chosen, err := chosenContext(options); chosen || err != nil {
		return Client(server), err
	}
	base, _ := options.Lookup("DREAMLAB_URL")
	key, _ := options.Lookup("DREAMLAB_KEY")
	kept, err := c.kept(AddressFile)
	if err != nil {
		return Client{}, fmt.Errorf("find the API: %w", err)
	}
	if options.Flags["addr"] != "" {
		kept = ""
	}
	own := cmp.Or(kept, "http://"+reachable(c.Addr))
	client := Client{URL: cmp.Or(base, own), Key: key}
	if client.Key != "" {
		return client, nil
	}
	if !sameServer(client.URL, own) {
		return client, fmt.Errorf("%w: set DREAMLAB_KEY beside DREAMLAB_URL: the key in %s is for %s alone",
			ErrNoKey, filepath.Join(c.Data, KeyFile), own)
	}
	client.Key, err = c.kept(KeyFile)
	if err == nil && client.Key == "" {
		err = fmt.Errorf("set DREAMLAB_KEY, or start `dreamlab up`, which writes %s", filepath.Join(c.Data, KeyFile))
	}
	if err != nil {
		return client, fmt.Errorf("%w: %w", ErrNoKey, err)
	}
	return client, nil
}

// sameServer tells whether two URLs lead to one server.
func sameServer(a, b string) bool {
	from, err := url.Parse(a)
	if err != nil {
		return false
	}
	to, err := url.Parse(b)
	return err == nil && from.Scheme == to.Scheme && from.Port() == to.Port() && hostOf(from) == hostOf(to)
}

// hostOf is a URL's host; localhost is its usual address.
func hostOf(u *url.URL) string {
	if name := strings.ToLower(u.Hostname()); name != "localhost" {
		return name
	}
	return "127.0.0.1"
}

// kept reads a file of the data directory, "" where it is not there.
func (c *Config) kept(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(c.Data, name))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
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
