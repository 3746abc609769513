package cert

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// write makes a certificate of a serial number, written at a time.
func write(t *testing.T, dir string, serial int64, at time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		must(t, os.WriteFile(name, pem.EncodeToMemory(block), 0o600))
		must(t, os.Chtimes(name, at, at))
	}
	return cert, key
}

// TestCertificateIsReloaded replaces the files, breaks them, and mends them.
func TestCertificateIsReloaded(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Unix(1_700_000_000, 0)
	cert, key := write(t, dir, 1, now)
	var log bytes.Buffer
	f, err := Open(cert, key, func() time.Time { return now }, zerolog.New(&log))
	must(t, err)
	serves := func(want int64) {
		t.Helper()
		got, err := f.Config().GetCertificate(nil)
		must(t, err)
		if got.Leaf.SerialNumber.Int64() != want {
			t.Errorf("serves %v, want %d", got.Leaf.SerialNumber, want)
		}
	}
	serves(1)
	write(t, dir, 2, now.Add(time.Second))
	serves(1) // looked at a moment ago
	now = now.Add(lookEvery)
	serves(2)
	must(t, os.WriteFile(cert, []byte("broken"), 0o600))
	now = now.Add(lookEvery)
	serves(2)
	now = now.Add(lookEvery)
	serves(2)
	if n := bytes.Count(log.Bytes(), []byte("not reloaded")); n != 1 {
		t.Errorf("told %d times of broken files:\n%s", n, log.String())
	}
	write(t, dir, 3, now)
	now = now.Add(lookEvery)
	serves(3)
}

// TestMissingFiles says at the start what is missing.
func TestMissingFiles(t *testing.T) {
	t.Parallel()
	if _, err := Open("none.pem", "none.pem", time.Now, zerolog.Nop()); err == nil {
		t.Error("files that are not there were taken")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
