package redact

import (
	"bytes"
	"encoding/json"
)

// JSON masks every text in a JSON value but those called "url", which hold
// pictures. It returns nothing for what is not JSON.
func JSON(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return raw
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return nil
	}
	out, err := json.Marshal(maskValue(value))
	if err != nil {
		return nil
	}
	return out
}

func maskValue(value any) any {
	switch v := value.(type) {
	case string:
		masked, _ := Mask(v)
		return masked
	case []any:
		for i := range v {
			v[i] = maskValue(v[i])
		}
	case map[string]any:
		for key, inner := range v {
			if key != "url" {
				v[key] = maskValue(inner)
			}
		}
	}
	return value
}
