package tune

import (
	"crypto/sha256"
	"encoding/hex"

	"dreamlab/providers"
	"dreamlab/store/plainjson"
)

const (
	suffixPrefix = "dl-"
	suffixDigits = 24 // of sha256, hexadecimal
)

// suffix tells one training from every other at a vendor that has no
// idempotency key: the same training always has the same. It has 27 characters;
// Together's shorter limit is 40 (https://docs.together.ai/reference/post-fine-tunes).
func suffix(training, sha256Hex string, spec providers.TrainSpec) string {
	spec.Suffix, spec.File, spec.Validation = "", "", ""
	spec.Tune, spec.Object, spec.SHA256 = "", "", ""
	sum := sha256.Sum256([]byte(training + "\n" + sha256Hex + "\n" + string(plainjson.Of(spec))))
	return suffixPrefix + hex.EncodeToString(sum[:])[:suffixDigits]
}
