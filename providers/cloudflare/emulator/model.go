package emulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// entry is a model that Workers AI serves (https://developers.cloudflare.com/workers-ai/models).
type entry struct {
	id         string
	context    int64 // tokens
	calls      bool  // tools
	queued     bool  // takes requests that are answered later
	prompts    bool  // queued requests have a prompt, and no messages
	unstreamed bool  // answers whole on Cloudflare's own route
	lora       bool  // takes adapters
	brain      *model.Model
}

func catalogue(l *lab.Lab) []entry {
	return []entry{
		{id: "@cf/openai/gpt-oss-120b", context: 128_000, calls: true, queued: true, unstreamed: true, brain: l.Large},
		{id: "@cf/meta/llama-4-scout-17b-16e-instruct", context: 131_000, calls: true, brain: l.Large},
		{id: "@cf/meta/llama-3.3-70b-instruct-fp8-fast", context: 24_000, calls: true, queued: true, prompts: true,
			lora: true, brain: l.Large},
		{id: "@cf/google/gemma-3-12b-it", context: 80_000, lora: true, brain: l.Small},
		{id: "@cf/qwen/qwen3-30b-a3b-fp8", context: 32_768, calls: true, brain: l.Large},
		{id: "@cf/meta/llama-3.2-1b-instruct", context: 60_000, brain: l.Small},
		{id: "@cf/baai/bge-m3", context: 60_000, queued: true},
	}
}

// find returns a served model, or what is said of one that is not.
func (e *emulator) find(id string) (entry, *lab.Failure) {
	for _, m := range e.served {
		if m.id == id {
			return m, nil
		}
	}
	return entry{}, &lab.Failure{Status: http.StatusBadRequest, Code: "5007",
		Message: fmt.Sprintf("AiError: AiError: No such model %s or task", id)}
}

// search lists models by pages.
func (e *emulator) search(r *http.Request) (any, *lab.Failure) {
	query := r.URL.Query()
	var found []entry
	for _, m := range e.served {
		if strings.Contains(m.id, query.Get("search")) && strings.Contains(m.task(), query.Get("task")) {
			found = append(found, m)
		}
	}
	page, size := lab.Between(query.Get("page"), 1, 1000, 1), lab.Between(query.Get("per_page"), 1, 100, 20)
	from, to := min((page-1)*size, len(found)), min(page*size, len(found))
	answer := envelope(lab.Objects(found[from:to], entry.object))
	answer["result_info"] = map[string]any{
		"count": to - from, "page": page, "per_page": size, "total_count": len(found),
	}
	return answer, nil
}

func (m entry) task() string {
	if m.brain == nil {
		return "Text Embeddings"
	}
	return "Text Generation"
}

func (m entry) object() any {
	properties := []any{property("context_window", strconv.FormatInt(m.context, 10))}
	for name, has := range map[string]bool{"function_calling": m.calls, "async_queue": m.queued, "lora": m.lora} {
		if has {
			properties = append(properties, property(name, "true"))
		}
	}
	return map[string]any{
		"id": lab.NewID(""), "source": 1, "name": m.id, "description": "A model of the sandbox.", "tags": []any{},
		"created_at": "2025-08-05 10:49:53.265", "properties": properties,
		"task": map[string]any{"id": "c329a1f9-323d-4e91-b2aa-582dd4188d34", "name": m.task(), "description": ""},
	}
}

func property(id string, value any) any { return map[string]any{"property_id": id, "value": value} }
