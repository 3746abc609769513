package providers

import (
	"context"

	"dreamlab/providers/completion"
)

// Embedder is a driver that also turns texts into vectors. As with [Driver],
// a call is one attempt, fails with an [*Error] and is safe for concurrent use.
type Embedder interface {
	// Embed returns one vector for each input, in the order of the inputs. It refuses,
	// with [KindUnsupported], dimensions that the vendor can not choose.
	Embed(ctx context.Context, req EmbedRequest) (EmbedReply, error)
}

// EmbedRequest asks for the vectors of some texts.
type EmbedRequest struct {
	Model      string // the vendor's own name of the model
	Inputs     []string
	Dimensions int // how long the vectors are to be; 0 for as long as the model makes them
}

// EmbedReply holds the vectors of one call.
type EmbedReply struct {
	Vectors   [][]float32
	Model     string // as the vendor named it in the answer
	Usage     Usage  // Missing at the vendors that count nothing here
	RequestID string
	Sandbox   bool // an emulator answered
}

// NoDimensions is the error of a vendor that can not choose the length of vectors; nil
// where none is asked for.
func (r EmbedRequest) NoDimensions(provider string) error {
	if r.Dimensions == 0 {
		return nil
	}
	return &Error{
		Kind: KindUnsupported, Provider: provider, Model: r.Model, Param: "dimensions", Charge: ChargeNone,
		Message: "the vendor does not take the parameter dimensions: leave it out or use another model",
	}
}

// embed answers a request that holds inputs: the reply's body is what [completion.EncodeVectors]
// makes of the vectors.
func embed(ctx context.Context, target Target, driver Driver, req *Request) (*Reply, error) {
	embedder, able := driver.(Embedder)
	if !able {
		return nil, &Error{
			Kind: KindUnsupported, Provider: target.Provider, Model: target.Model, Param: "model", Charge: ChargeNone,
			Message: "this vendor has no embeddings: choose another",
		}
	}
	got, err := embedder.Embed(ctx, EmbedRequest{Model: req.Model, Inputs: req.Inputs, Dimensions: req.Dimensions})
	if err != nil {
		return nil, err
	}
	return &Reply{
		Body: completion.EncodeVectors(got.Vectors), Model: got.Model, Usage: got.Usage, RequestID: got.RequestID, Sandbox: got.Sandbox,
	}, nil
}
