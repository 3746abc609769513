package emulator

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// entry is a model that Google serves.
type entry struct {
	ID        string // publisher/model
	Context   int64  // tokens
	MaxOutput int64  // tokens
	Locations []string
	Tools     bool
	Thinks    int64 // tokens of reasoning before each answer, beside those of the answer
	Embeds    bool
	brain     *model.Model
}

// catalogue lists what is served, and where
// (https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations).
func catalogue(l *lab.Lab) []entry {
	everywhere := []string{"global", "us", "eu", "us-central1", "us-east5", "europe-west4"}
	regions := []string{"us-central1", "us-east5", "europe-west4", "global"}
	return []entry{
		{"google/gemini-2.5-flash", 1_048_576, 65_536, everywhere, true, 32, false, l.Large},
		{"google/gemini-2.5-flash-lite", 1_048_576, 65_536, everywhere, true, 0, false, l.Small},
		{"openai/gpt-oss-120b-maas", 131_072, 32_768, regions, true, 0, false, l.Large},
		{"openai/gpt-oss-20b-maas", 131_072, 32_768, regions, true, 0, false, l.Small},
		{"meta/llama-4-maverick-17b-128e-instruct-maas", 524_288, 8_192, []string{"us-east5"}, true, 0, false, l.Large},
		{"meta/llama-4-scout-17b-16e-instruct-maas", 1_310_720, 8_192, []string{"us-east5"}, true, 0, false, l.Small},
		{"google/gemini-embedding-001", 2_048, 0, everywhere, false, 0, true, nil},
		{"google/text-embedding-005", 2_048, 0, everywhere, false, 0, true, nil},
		{"intfloat/multilingual-e5-small-maas", 512, 0, regions, false, 0, true, nil},
	}
}

// find returns a model that is served at the request's location, or what Google says
// of one that is not.
func (e *emulator) find(r *http.Request, id string) (entry, *lab.Failure) {
	if refused := within(r); refused != nil {
		return entry{}, refused
	}
	location := r.PathValue("location")
	for _, m := range e.served {
		if m.ID == id && slices.Contains(m.Locations, location) {
			return m, nil
		}
	}
	publisher, named, found := strings.Cut(id, "/")
	if !found {
		return entry{}, lab.Invalid("model", "Malformed publisher model (model: %s). Provide the model in the format "+
			"`publisher/model`.", id)
	}
	return entry{}, &lab.Failure{Status: http.StatusNotFound, Message: fmt.Sprintf(
		"Publisher Model `projects/%s/locations/%s/publishers/%s/models/%s` was not found or your project does not "+
			"have access to it. Please ensure you are using a valid model version. For more information, see: "+
			"https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions",
		project, location, publisher, named)}
}

// models lists a publisher's models, two to a page where nothing else is asked for.
func (e *emulator) models(r *http.Request) (any, *lab.Failure) {
	var listed []entry
	for _, m := range e.served {
		if strings.HasPrefix(m.ID, r.PathValue("publisher")+"/") {
			listed = append(listed, m)
		}
	}
	from := lab.Between(r.URL.Query().Get("pageToken"), 0, len(listed), 0)
	to := min(from+lab.Between(r.URL.Query().Get("pageSize"), 1, 100, 2), len(listed))
	page := map[string]any{"publisherModels": lab.Objects(listed[from:to], entry.object)}
	if to < len(listed) {
		page["nextPageToken"] = fmt.Sprint(to)
	}
	return page, nil
}

func (e *emulator) model(r *http.Request) (any, *lab.Failure) {
	id := r.PathValue("publisher") + "/" + r.PathValue("model")
	for _, m := range e.served {
		if m.ID == id {
			return m.object(), nil
		}
	}
	return nil, &lab.Failure{Status: http.StatusNotFound}
}

func (m entry) object() any {
	publisher, id, _ := strings.Cut(m.ID, "/")
	return map[string]any{
		"name": "publishers/" + publisher + "/models/" + id, "versionId": "default", "openSourceCategory": "PROPRIETARY",
		"launchStage": "GA", "publisherModelTemplate": "projects/{project}/locations/{location}/publishers/" +
			publisher + "/models/" + id,
	}
}
