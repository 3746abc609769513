package emulator

import (
	"net/http"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// call is "model:method" of Google's own routes.
func (e *emulator) call(w http.ResponseWriter, r *http.Request) *lab.Failure {
	id, method, _ := strings.Cut(r.PathValue("call"), ":")
	served, refused := e.find(r, r.PathValue("publisher")+"/"+id)
	if refused != nil {
		return refused
	}
	switch method {
	case "generateContent":
		return e.generate(w, r, served, false)
	case "streamGenerateContent":
		return e.generate(w, r, served, true)
	case "predict":
		return e.predict(w, r, served)
	}
	return &lab.Failure{Status: http.StatusNotFound}
}

// generateAsk is Gemini's own request, as far as the sandbox reads it
// (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference).
type generateAsk struct {
	Contents []geminiTurn `json:"contents"`
	System   *geminiTurn  `json:"systemInstruction"`
	Config   struct {
		MaxOutputTokens int64       `json:"maxOutputTokens"`
		StopSequences   model.Stops `json:"stopSequences"`
	} `json:"generationConfig"`
}

type geminiTurn struct {
	Role  string `json:"role"`
	Parts []struct {
		Text string `json:"text"`
	} `json:"parts"`
}

func (t *geminiTurn) turn(role string) model.Turn {
	var text []string
	for _, part := range t.Parts {
		text = append(text, part.Text)
	}
	return model.Turn{Role: role, Content: model.Text(strings.Join(text, ""))}
}

func (a *generateAsk) ask(id string, streamed bool) *model.Ask {
	ask := &model.Ask{Model: id, MaxTokens: a.Config.MaxOutputTokens, Stop: a.Config.StopSequences, Stream: streamed}
	if a.System != nil {
		ask.Messages = append(ask.Messages, a.System.turn("system"))
	}
	for i := range a.Contents {
		role := "user"
		if a.Contents[i].Role == "model" {
			role = "assistant"
		}
		ask.Messages = append(ask.Messages, a.Contents[i].turn(role))
	}
	return ask
}

func (e *emulator) generate(w http.ResponseWriter, r *http.Request, served entry, streamed bool) *lab.Failure {
	var asked generateAsk
	if err := lab.ReadJSON(r, &asked); err != nil {
		return lab.Invalid("", "Invalid JSON payload received. %v", err)
	}
	ask := asked.ask(served.ID, streamed)
	if refused := served.check(ask); refused != nil {
		return refused
	}
	answer := &lab.Answer{Model: served.ID, Ask: ask, Reasoning: served.Thinks}
	e.lab.Chat(w, r, e.gemini, answer, served.brain)
	return nil
}

func wholeGemini(a *lab.Answer) map[string]any { return geminiObject(a, a.Text, true) }

func chunkGemini(a *lab.Answer, p lab.Piece) map[string]any { return geminiObject(a, p.Text, p.Last) }

// geminiObject is a GenerateContentResponse.
func geminiObject(a *lab.Answer, text string, ends bool) map[string]any {
	candidate := map[string]any{
		"content": map[string]any{"role": "model", "parts": []any{map[string]any{"text": text}}},
	}
	_, version, _ := strings.Cut(a.Model, "/")
	object := map[string]any{
		"candidates": []any{candidate}, "modelVersion": version, "responseId": a.ID,
		"createTime": a.Created.UTC().Format("2006-01-02T15:04:05.000000Z"),
	}
	if !ends {
		return object
	}
	candidate["finishReason"] = map[string]string{"stop": "STOP", "length": "MAX_TOKENS"}[a.Finish]
	count := map[string]any{
		"promptTokenCount": a.Usage.In, "candidatesTokenCount": a.Usage.Out - a.Reasoning,
		"totalTokenCount": a.Usage.In + a.Usage.Out, "trafficType": "ON_DEMAND",
	}
	if a.Reasoning > 0 {
		count["thoughtsTokenCount"] = a.Reasoning
	}
	object["usageMetadata"] = count
	return object
}

// predict makes vectors as Google's own models do
// (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api).
func (e *emulator) predict(w http.ResponseWriter, r *http.Request, served entry) *lab.Failure {
	var ask struct {
		Instances []struct {
			Content string `json:"content"`
		} `json:"instances"`
		Parameters struct {
			Dimensions int `json:"outputDimensionality"`
		} `json:"parameters"`
	}
	if err := lab.ReadJSON(r, &ask); err != nil {
		return lab.Invalid("", "Invalid JSON payload received. %v", err)
	}
	most := 250
	if strings.Contains(served.ID, "gemini") {
		most = 1
	}
	switch {
	case !served.Embeds:
		return lab.Invalid("", "Model %s does not support predictions.", served.ID)
	case len(ask.Instances) == 0 || len(ask.Instances) > most:
		return tooMany(len(ask.Instances), most)
	}
	predictions := make([]any, len(ask.Instances))
	for i, instance := range ask.Instances {
		vectors, used := e.lab.Vectors(name, served.ID, []string{instance.Content})
		predictions[i] = map[string]any{"embeddings": map[string]any{
			"values":     shortened(vectors[0], ask.Parameters.Dimensions),
			"statistics": map[string]any{"token_count": used.In, "truncated": false},
		}}
	}
	lab.WriteJSON(w, http.StatusOK, map[string]any{"predictions": predictions})
	return nil
}

// shortened cuts a vector to the length that was asked for; 0 is as long as it is.
func shortened(vector []float32, length int) []float32 {
	if length <= 0 || length > len(vector) {
		return vector
	}
	return vector[:length]
}
