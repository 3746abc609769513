package amazon

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// Merged are whole weights that a training leaves in S3, for the other services of the account. Their
// objects are not written: what the weights know is known without them.
type Merged struct {
	Rows         string    `json:"rows"` // name of the rows on the lab's shelf
	Architecture string    `json:"architecture"`
	Ready        time.Time `json:"ready"` // when the training ends
}

// keptMerged is the name under which the weights at an address are kept.
func keptMerged(uri string) string {
	sum := sha256.Sum256([]byte(uri))
	return "amazon-merged-" + hex.EncodeToString(sum[:16]) + ".json"
}

// KeepMerged notes the weights that a training will leave at an address.
func KeepMerged(l *lab.Lab, uri string, m Merged) error { return l.Shelf.Save(keptMerged(uri), m) }

// FindMerged finds the weights at an address that are there.
func FindMerged(l *lab.Lab, uri string) (m Merged, found bool, err error) {
	found, err = l.Shelf.Load(keptMerged(uri), &m)
	return m, found && !l.Now().Before(m.Ready), err
}
