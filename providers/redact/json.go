package redact

import (
	"bytes"
	"encoding/json"
)

// JSON masks a JSON value on its own, as [Masker.JSON] does.
func JSON(raw json.RawMessage) json.RawMessage { return New().JSON(raw) }

// JSON masks every text in a JSON value but those called "url", which hold
// pictures. It returns nothing for what is not JSON.
func (m *Masker) JSON(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return raw
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return nil
	}
	out, err := json.Marshal(m.value(value))
	if err != nil {
		return nil
	}
	return out
}

func (m *Masker) value(value any) any {
	switch v := value.(type) {
	case string:
		masked, _ := m.Text(v)
		return masked
	case []any:
		for i := range v {
			v[i] = m.value(v[i])
		}
	case map[string]any:
		for key, inner := range v {
			if key != "url" {
				v[key] = m.value(inner)
			}
		}
	}
	return value
}
