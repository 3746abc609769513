package lenient

import "strings"

// Kind says a kind of Go, or what its JSON decoder found, in the words of JSON: "an
// object" for "struct", "a number" for "number 1.5".
func Kind(kind string) string {
	kind, _, _ = strings.Cut(kind, " ")
	switch {
	case kind == "map", kind == "struct", kind == "object":
		return "an object"
	case kind == "slice", kind == "array":
		return "an array"
	case kind == "bool":
		return "true or false"
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "uint"):
		return "a whole number"
	case strings.HasPrefix(kind, "float"), kind == "number":
		return "a number"
	}
	return "a " + kind
}
