package emulator

import (
	"cmp"
	"net/http"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// entry is a pay-per-token endpoint of the workspace.
type entry struct {
	name    string
	model   string // as it names itself in answers
	context int64  // tokens
	brain   *model.Model
}

// catalogue lists the endpoints that every workspace has.
func catalogue(l *lab.Lab) []entry {
	return []entry{
		{"databricks-meta-llama-3-1-8b-instruct", "meta-llama-3.1-8b-instruct-110524", 128_000, l.Small},
		{"databricks-meta-llama-3-3-70b-instruct", "meta-llama-3.3-70b-instruct-121024", 128_000, l.Large},
		{"databricks-llama-4-maverick", "meta-llama-4-maverick-040225", 128_000, l.Large},
		{"databricks-gpt-oss-20b", "gpt-oss-20b-080525", 131_072, l.Small},
		{"databricks-gpt-oss-120b", "gpt-oss-120b-080525", 131_072, l.Large},
		{"databricks-gte-large-en", "gte-large-en-v1.5", 8_192, nil},
	}
}

func (e *emulator) find(named string) (entry, *lab.Failure) {
	for _, m := range e.served {
		if m.name == named {
			return m, nil
		}
	}
	return entry{}, absent("The given endpoint does not exist, please retry after checking the specified model and " +
		"version deployment exists.")
}

// ask is a chat request. The path names the endpoint, or else the body does.
type ask struct {
	model.Ask
}

func (e *emulator) chat(w http.ResponseWriter, r *http.Request) *lab.Failure {
	var asked ask
	if err := lab.ReadJSON(r, &asked); err != nil {
		return &lab.Failure{Status: http.StatusBadRequest, Code: "MALFORMED_REQUEST", Message: "Could not parse request object."}
	}
	asked.Model = cmp.Or(r.PathValue("name"), asked.Model)
	answer := &lab.Answer{Billed: asked.Model, Ask: &asked.Ask}
	serves, refused := e.find(asked.Model)
	if refused != nil {
		serves, refused = serving{e}.tuned(asked.Model)
		answer.Free = true // its hours are paid
	}
	if refused == nil {
		refused = asked.check(serves)
	}
	if refused != nil {
		return refused
	}
	answer.Model = serves.model
	w.Header().Set("Served-Model-Name", serves.model)
	e.lab.Chat(w, r, e.dialect(), answer, serves.brain)
	return nil
}

// check refuses what an endpoint refuses.
func (a *ask) check(m entry) *lab.Failure {
	switch in := a.Tokens(); {
	case m.brain == nil:
		return lab.Invalid("", "The endpoint %s does not take chats.", m.name)
	case len(a.Messages) == 0:
		return lab.Invalid("", "messages: the list is empty.")
	case in+a.Limit() > m.context:
		return lab.Invalid("", "Input of %d tokens exceeds the maximum context length of %d tokens.", in, m.context)
	}
	return nil
}

func (e *emulator) dialect() *lab.Dialect {
	return &lab.Dialect{
		Vendor: e.vendor, Whole: lab.WholeOpenAI, Chunk: lab.ChunkOpenAI,
		Broken: func(*lab.Answer) map[string]any {
			return map[string]any{"error_code": "INTERNAL_ERROR", "message": "The model failed while it answered."}
		},
		Tail: func(a *lab.Answer) map[string]any {
			if a.Ask.StreamOptions == nil || !a.Ask.StreamOptions.IncludeUsage {
				return nil
			}
			return lab.UsageChunkOpenAI(a)
		},
	}
}

func (e *emulator) embed(_ *http.Request, asked *lab.EmbedAsk) (any, *lab.Failure) {
	serves, refused := e.find(asked.Model)
	inputs := asked.Inputs()
	switch {
	case refused != nil:
		return nil, refused
	case serves.brain != nil:
		return nil, lab.Invalid("", "The endpoint %s does not take embeddings.", asked.Model)
	case len(inputs) == 0:
		return nil, lab.Invalid("", "input: expected a text or a list of texts.")
	}
	return e.lab.Embed(name, asked, inputs), nil
}
