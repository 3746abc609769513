package providers

import "context"

// Embedder is a driver that also turns texts into vectors. As with [Driver],
// a call is one attempt, fails with an [*Error] and is safe for concurrent use.
type Embedder interface {
	// Embed returns one vector for each input, in the order of the inputs.
	Embed(ctx context.Context, model string, inputs []string) (EmbedReply, error)
}

// EmbedReply holds the vectors of one call.
type EmbedReply struct {
	Vectors   [][]float32
	Model     string // as the vendor named it in the answer
	Usage     Usage  // Missing at the vendors that count nothing here
	RequestID string
	Sandbox   bool // an emulator answered
}
