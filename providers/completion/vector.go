package completion

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"dreamlab/store/plainjson"
)

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
