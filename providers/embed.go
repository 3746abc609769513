package providers

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"dreamlab/store/plainjson"
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

// embed answers a request that holds inputs: the reply's body is what [EncodeVectors]
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
		Body: EncodeVectors(got.Vectors), Model: got.Model, Usage: got.Usage, RequestID: got.RequestID, Sandbox: got.Sandbox,
	}, nil
}

// EncodeVectors returns vectors as a JSON list of texts: each is the base64 of its numbers
// as little-endian 32-bit floats, the form that OpenAI's API gives by that name.
func EncodeVectors(vectors [][]float32) json.RawMessage {
	texts := make([]string, len(vectors))
	for i, vector := range vectors {
		data := make([]byte, 0, 4*len(vector))
		for _, x := range vector {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
		texts[i] = base64.StdEncoding.EncodeToString(data)
	}
	return plainjson.Of(texts)
}

// DecodeVector returns the numbers of one vector that [EncodeVectors] encoded.
func DecodeVector(text string) ([]float32, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data)%4 != 0 {
		return nil, fmt.Errorf("decode a vector: it is no base64 of 32-bit floats (%d bytes)", len(text))
	}
	vector := make([]float32, len(data)/4)
	for i := range vector {
		vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return vector, nil
}
