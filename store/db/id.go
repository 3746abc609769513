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

// IDsBetween returns what parts the time between two ids of a noun evenly, n instants from the first on, as IDAt
// returns each; none where one of the two is no id of NewID.
func IDsBetween(first, last string, n int) []string {
	noun := NounOf(first)
	from, to := nanosOf(first), nanosOf(last)
	if from == 0 || to <= from {
		return nil
	}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = IDAt(noun, time.Unix(0, from+(to-from)/int64(n)*int64(i)))
	}
	return ids
}

// nanosOf returns when an id was made, in nanoseconds, 0 where it does not tell.
func nanosOf(id string) int64 {
	raw, err := idText.DecodeString(strings.TrimPrefix(id, NounOf(id)))
	if err != nil || len(raw) != 16 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(raw[:8]))
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
