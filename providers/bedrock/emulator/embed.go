package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"dreamlab/providers/sandbox/lab"
)

// maxTexts is how many texts Cohere's models take at once.
const maxTexts = 96

// embedAsk is a request for vectors, of Titan's models or of Cohere's.
type embedAsk struct {
	InputText string   `json:"inputText"`
	Texts     []string `json:"texts"`
	InputType string   `json:"input_type"`
}

// invoke makes vectors: chats are asked for by Converse.
func (e *emulator) invoke(w http.ResponseWriter, r *http.Request) *lab.Failure {
	id := r.PathValue("id")
	known := func(m entry) bool { return m.ID == id && m.can("embeddings") }
	if !slices.ContainsFunc(e.served, known) {
		return refuse("The provided model identifier is invalid.")
	}
	var ask embedAsk
	if err := lab.ReadJSON(r, &ask); err != nil {
		return refuse("Malformed input request, please reformat your input and try again.")
	}
	cohere := strings.HasPrefix(id, "cohere.")
	texts := ask.Texts
	if !cohere {
		texts = []string{ask.InputText}
	}
	switch {
	case cohere && (len(texts) == 0 || len(texts) > maxTexts):
		return refuse("Malformed input request: #/texts: expected 1 to %d items, please reformat your input.", maxTexts)
	case cohere && ask.InputType == "":
		return refuse("Malformed input request: #: required key [input_type] not found, please reformat your input.")
	case slices.Contains(texts, ""):
		return refuse("Malformed input request: a text is empty, please reformat your input and try again.")
	}
	vectors, usage := e.lab.Vectors(name, id, texts)
	w.Header().Set("X-Amzn-Bedrock-Input-Token-Count", strconv.FormatInt(usage.In, 10))
	w.Header().Set("X-Amzn-Bedrock-Invocation-Latency", "50")
	answer := map[string]any{"embedding": vectors[0], "inputTextTokenCount": usage.In}
	if cohere {
		answer = map[string]any{
			"id": lab.NewID(""), "texts": texts, "embeddings": vectors, "response_type": "embeddings_floats",
		}
	}
	lab.WriteJSON(w, http.StatusOK, answer)
	return nil
}
