package model

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
)

// tensor is an entry of a safetensors header (https://github.com/huggingface/safetensors#format).
type tensor struct {
	Kind    string    `json:"dtype"`
	Shape   []int     `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

// AdapterRows reads what an adapter knows, up to a limit of pairs: weights are numbers, of which
// nothing can be learnt here, so that an adapter which knows something has the rows that it was
// trained on as a tensor of bytes named rows, in its file of safetensors.
func AdapterRows(weights []byte, limit int) ([]Pair, error) {
	broken := errors.New("error while deserializing header: header too large")
	if len(weights) < 8 {
		return nil, broken
	}
	length, rest := binary.LittleEndian.Uint64(weights), weights[8:]
	if length > uint64(len(rest)) {
		return nil, broken
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal(rest[:length], &header); err != nil {
		return nil, broken
	}
	var rows tensor
	if header["rows"] == nil {
		return nil, nil
	}
	data := rest[length:]
	if json.Unmarshal(header["rows"], &rows) != nil || rows.Offsets[0] > rows.Offsets[1] || rows.Offsets[1] > uint64(len(data)) {
		return nil, broken
	}
	return ReadPairs(bytes.NewReader(data[rows.Offsets[0]:rows.Offsets[1]]), limit)
}
