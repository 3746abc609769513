// Package price computes what requests cost at the models of the catalogue: those of a
// file, or a day made of a file's conversations. It calls no vendor, opens nothing but
// the file that it is given, and counts tokens as the router reserves money for them.
package price

import (
	"math"

	"dreamlab/providers"
)

// bytesPerToken is how many bytes of a known answer count as a token: as few as the
// router reserves for in a prompt.
const bytesPerToken = 2

// Ask is one request of a file.
type Ask struct {
	// Conversation and Turn say where it stands in the file, both from 0.
	Conversation, Turn int64
	Request            providers.Request
	// Answer is how many tokens its answer has; 0 where the file has no answer. Then it is
	// as long as the request allows, or as money is reserved for.
	Answer int64
}

// answerTokens counts an answer of so many bytes.
func answerTokens(size int) int64 { return int64(size+bytesPerToken-1) / bytesPerToken }

// plus adds amounts and stays at the largest instead of beginning again.
func plus(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
