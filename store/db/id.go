package db

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"
)

var idText = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewID returns a fresh id: the noun's prefix ("job_", "file-"), then 64 bits
// of nanoseconds and 64 random bits as 26 characters. Ids sort by time, also
// those that one request makes together, and can not be guessed.
func NewID(prefix string) string { return idAt(prefix, time.Now()) }

func idAt(prefix string, now time.Time) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(now.UnixNano()))
	random(raw[8:])
	return prefix + idText.EncodeToString(raw[:])
}

// IDAt returns what stands before every id of the noun that is made at an instant or
// later, and behind those made before.
func IDAt(prefix string, at time.Time) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(max(0, at.UnixNano())))
	return prefix + idText.EncodeToString(raw[:])
}

// Random returns so many random bytes as text, in the letters of ids.
func Random(bytes int) string {
	raw := make([]byte, bytes)
	random(raw)
	return idText.EncodeToString(raw)
}

func random(raw []byte) {
	if _, err := rand.Read(raw); err != nil {
		panic(err) // crypto/rand never fails (Go 1.24)
	}
}

// NounOf returns the prefix of an id, "" where it has none: "job_" of "job_01h…".
func NounOf(id string) string {
	at := strings.IndexAny(id, "_-")
	if at < 0 {
		return ""
	}
	return id[:at+1]
}
