package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"dreamlab/providers"
)

// Options say where a configuration is read from. The zero value reads the
// environment and dreamlab.yaml in the working directory.
type Options struct {
	// File is read instead of dreamlab.yaml; then it has to be there.
	File string
	// Flags holds the values that flags set, by key: addr, data, log, and of clients context.
	Flags map[string]string
	// Vendors are those whose settings are looked for.
	Vendors []providers.Vendor
	// Lookup reads a variable of the environment. Defaults to os.LookupEnv.
	Lookup func(name string) (string, bool)
}

// Faults are all that is wrong with a configuration, each with its place.
type Faults []string

// Error lists the faults, one a line.
func (f Faults) Error() string {
	if len(f) == 1 {
		return "configuration: " + f[0]
	}
	return fmt.Sprintf("configuration: %d faults:\n  %s", len(f), strings.Join(f, "\n  "))
}

// loader gathers values and faults.
type loader struct {
	*Config
	options Options
	file    string
	faults  Faults
}

// Load reads the configuration. Its error is of type [Faults].
func Load(options Options) (*Config, error) {
	if options.Lookup == nil {
		options.Lookup = os.LookupEnv
	}
	l := &loader{Config: Default(), options: options, file: DefaultFile}
	l.Routes, l.Poll = nil, Poll{} // what is set decides what they default to
	l.readFile()
	l.readEnv()
	l.readFlags()
	l.readVendors()
	l.readServerKeys()
	l.readEncryption()
	l.readAccounts()
	otel{l}.read()
	readOrigins(l)
	l.fill()
	l.check()
	if len(l.faults) > 0 {
		return nil, l.faults
	}
	return l.Config, nil
}

func (l *loader) fault(format string, args ...any) {
	l.faults = append(l.faults, fmt.Sprintf(format, args...))
}

func (l *loader) readFile() {
	if l.options.File != "" {
		l.file = l.options.File
	}
	text, err := os.ReadFile(l.file)
	if errors.Is(err, fs.ErrNotExist) && l.options.File == "" {
		return
	}
	if err != nil {
		l.fault("read the file that --config names: %v", err)
		return
	}
	lines, faults := decode(text, l.Config)
	for key, line := range lines {
		l.origins[key] = fmt.Sprintf("%s:%d", l.file, line)
	}
	for _, fault := range faults {
		l.faults = append(l.faults, l.file+fault)
	}
}

// texts are the values that a variable or a flag can set.
func (c *Config) texts() map[string]*string {
	return map[string]*string{
		"addr": &c.Addr, "data": &c.Data, "log": &c.Log,
		"database_url": &c.Database, "redis_url": &c.Redis, "bucket_url": &c.Bucket, "metrics": &c.Metrics,
		"prefix": &c.Prefix, "events_account": &c.EventsAccount, "events_audience": &c.EventsAudience,
	}
}

// variables returns the variable of each value that has one.
func variables() map[string]string {
	return map[string]string{
		"addr": "DREAMLAB_ADDR", "data": "DREAMLAB_DATA", "log": "DREAMLAB_LOG",
		"database_url": "DATABASE_URL", "redis_url": "REDIS_URL", "bucket_url": "BUCKET_URL",
		"metrics": "DREAMLAB_METRICS", "prefix": "DREAMLAB_PREFIX",
		"events_account": "DREAMLAB_EVENTS_ACCOUNT", "events_audience": "DREAMLAB_EVENTS_AUDIENCE",
	}
}

func (l *loader) readEnv() {
	texts := l.texts()
	for key, name := range variables() {
		if value, set := l.lookup(name); set {
			*texts[key] = value
			l.origins[key] = name
		}
	}
}

// lookup takes an empty variable as one that is not set, as shells make it.
func (l *loader) lookup(name string) (string, bool) {
	value, set := l.options.Lookup(name)
	value = strings.TrimSpace(value)
	return value, set && value != ""
}

func (l *loader) readFlags() {
	texts := l.texts()
	for key, value := range l.options.Flags {
		if target, known := texts[key]; known && value != "" {
			*target = value
			l.origins[key] = "--" + key
		}
	}
}

// readVendors takes the settings of the vendors that have what they require.
func (l *loader) readVendors() {
	for _, vendor := range l.options.Vendors {
		values, missing, wanted := map[string]string{}, []string{}, ""
		for _, setting := range vendor.Settings {
			value, set := l.lookup(setting.Env)
			if set {
				values[setting.Env] = value
			} else if setting.Required {
				missing = append(missing, setting.Env)
			}
			if set && !setting.Shared && (wanted == "" || setting.Env < wanted) {
				wanted = setting.Env
			}
		}
		if wanted == "" {
			continue
		}
		if len(missing) > 0 {
			l.fault("%s needs %s too, since %s is set", vendor.Name, strings.Join(missing, " and "), wanted)
			continue
		}
		l.addVendor(vendor, values)
	}
}

func (l *loader) addVendor(vendor providers.Vendor, values map[string]string) {
	if l.Vendors == nil {
		l.Vendors = map[string]map[string]string{}
	}
	l.Vendors[vendor.Name] = values
	for _, setting := range vendor.Settings {
		if _, set := values[setting.Env]; set {
			l.origins[setting.Env] = "environment"
			l.secrets[setting.Env] = setting.Secret
		}
	}
}

func (l *loader) readServerKeys() {
	for i := range l.Servers {
		server := &l.Servers[i]
		for j := range server.Keys {
			key := &server.Keys[j]
			key.Key = l.keyOf(server.Name, key.KeyEnv)
		}
		if server.KeyEnv != "" {
			server.Key = l.keyOf(server.Name, server.KeyEnv)
		}
		if server.AdminKeyEnv != "" { // the processes that answer need none
			server.AdminKey, _ = l.lookup(server.AdminKeyEnv)
		}
	}
}

func (l *loader) keyOf(server, variable string) string {
	key, set := l.lookup(variable)
	if !set {
		l.fault("servers: %s takes its key from %s, which is not set", server, variable)
	}
	return key
}
