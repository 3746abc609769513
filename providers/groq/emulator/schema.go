package emulator

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// schemaDepth bounds how deep a schema is looked into.
const schemaDepth = 16

// shape is what strict mode looks at in a schema.
type shape struct {
	Properties map[string]json.RawMessage `json:"properties"`
	Required   []string                   `json:"required"`
	Additional json.RawMessage            `json:"additionalProperties"`
	Items      json.RawMessage            `json:"items"`
	Defs       map[string]json.RawMessage `json:"$defs"`
	AnyOf      []json.RawMessage          `json:"anyOf"`
}

// strictFault returns what strict mode refuses in a schema: an object has to
// require all its properties and allow no others
// (https://console.groq.com/docs/structured-outputs).
func strictFault(raw json.RawMessage, path string, depth int) string {
	var s shape
	if depth > schemaDepth || json.Unmarshal(raw, &s) != nil {
		return fmt.Sprintf("%s: is no JSON schema, or one that nests too deeply", path)
	}
	if len(s.Properties) > 0 && string(s.Additional) != "false" {
		return fmt.Sprintf("%s: `additionalProperties:false` must be set on every object", path)
	}
	below := map[string]json.RawMessage{}
	for name, property := range s.Properties {
		if !slices.Contains(s.Required, name) {
			return fmt.Sprintf("%s: `required` is required to be supplied and to be an array including "+
				"every key in properties. Missing '%s'", path, name)
		}
		below[path+"/properties/"+name] = property
	}
	for name, def := range s.Defs {
		below[path+"/$defs/"+name] = def
	}
	for i, form := range s.AnyOf {
		below[fmt.Sprintf("%s/anyOf/%d", path, i)] = form
	}
	if len(s.Items) > 0 {
		below[path+"/items"] = s.Items
	}
	return firstFault(below, depth)
}

// firstFault looks below in a fixed order.
func firstFault(below map[string]json.RawMessage, depth int) string {
	for _, path := range slices.Sorted(maps.Keys(below)) {
		if fault := strictFault(below[path], path, depth+1); fault != "" {
			return fault
		}
	}
	return ""
}
