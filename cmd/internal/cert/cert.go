// Package cert serves a certificate from files, and takes new ones while the program runs.
package cert

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// lookEvery is how long files that were looked at are believed.
const lookEvery = 5 * time.Second

// Files are a certificate with its chain and its key, in PEM. They are safe for concurrent use.
type Files struct {
	cert, key string
	now       func() time.Time
	log       zerolog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	changed [2]time.Time // when the files were written that are current
	looked  time.Time
}

// Open reads the files, or says what is wrong with them.
func Open(cert, key string, now func() time.Time, log zerolog.Logger) (*Files, error) {
	f := &Files{cert: cert, key: key, now: now, log: log}
	if err := f.load(); err != nil {
		return nil, err
	}
	return f, nil
}

// Config returns what a server speaks TLS with: version 1.2 or later, HTTP/1.1.
func (f *Files) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.certificate(), nil },
	}
}

// certificate returns the current one. Files that are new and broken leave the one before in
// force, and are told once.
func (f *Files) certificate() *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now().Sub(f.looked) < lookEvery {
		return f.current
	}
	f.looked = f.now()
	changed, err := f.times()
	if err == nil && changed == f.changed {
		return f.current
	}
	if err == nil {
		err = f.load()
		f.changed = changed
	}
	if err != nil {
		f.log.Error().Err(err).Msg("the certificate was not reloaded: the one before stays in force")
		return f.current
	}
	f.log.Info().Msg("the certificate was reloaded: its files have changed")
	return f.current
}

func (f *Files) times() (changed [2]time.Time, err error) {
	for i, name := range []string{f.cert, f.key} {
		info, err := os.Stat(name)
		if err != nil {
			return changed, fmt.Errorf("look at the certificate: %w", err)
		}
		changed[i] = info.ModTime()
	}
	return changed, nil
}

func (f *Files) load() error {
	changed, err := f.times()
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	f.current, f.changed = &pair, changed
	return nil
}
