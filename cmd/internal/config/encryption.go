package config

import (
	"encoding/base64"
	"os"
	"regexp"
	"runtime"
	"strings"
)

// Encryption seals what was said, in the database, with AES-256-GCM.
type Encryption struct {
	// Keys open what they sealed; the first seals. Defaults to none: texts are stored as they
	// are.
	Keys []EncryptionKey `yaml:"keys,omitempty"`
}

// EncryptionKey is a key of 32 bytes, in base64. It is shown by the name of its variable or file.
type EncryptionKey struct {
	ID     string `yaml:"id"` // 1 to 16 letters, digits, - and _; stored before each text
	KeyEnv string `yaml:"key_env,omitempty"`
	File   string `yaml:"file,omitempty"` // that its owner alone can read
	// Secret is what KeyEnv or File holds.
	Secret []byte `yaml:"-"`
}

var encryptionID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,16}$`)

// encryptionBytes is the length of a key of AES-256.
const encryptionBytes = 32

func (l *loader) readEncryption() {
	seen := map[string]bool{}
	for i := range l.Encryption.Keys {
		key := &l.Encryption.Keys[i]
		switch {
		case !encryptionID.MatchString(key.ID):
			l.fault("encryption.keys[%d].id: give 1 to 16 letters, digits, - or _", i)
		case seen[key.ID]:
			l.fault("encryption.keys[%d]: %q is listed twice", i, key.ID)
		case (key.KeyEnv == "") == (key.File == ""):
			l.fault("encryption.keys[%d]: give key_env or file", i)
		default:
			l.readEncryptionKey(key)
		}
		seen[key.ID] = true
	}
}

func (l *loader) readEncryptionKey(key *EncryptionKey) {
	text, set := l.lookup(key.KeyEnv)
	if key.File != "" {
		text, set = l.readOwnFile(key)
	} else if !set {
		l.fault("encryption.keys: %s is taken from %s, which is not set", key.ID, key.KeyEnv)
	}
	if !set {
		return
	}
	secret, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(secret) != encryptionBytes {
		l.fault("encryption.keys: %s is not 32 bytes in base64: make one by `openssl rand -base64 32`", key.ID)
		return
	}
	key.Secret = secret
}

// readOwnFile reads a key's file, unless others than its owner can read it.
func (l *loader) readOwnFile(key *EncryptionKey) (text string, read bool) {
	info, err := os.Stat(key.File)
	if err != nil {
		l.fault("encryption.keys: %s: %v", key.ID, err)
		return "", false
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		l.fault("encryption.keys: others can read the file of %s: chmod 600 it", key.ID)
		return "", false
	}
	content, err := os.ReadFile(key.File)
	if err != nil {
		l.fault("encryption.keys: %s: %v", key.ID, err)
		return "", false
	}
	return strings.TrimSpace(string(content)), true
}
