package providers

// Prefiller is a driver some of whose models go on from the beginning of an answer. It
// may be asked concurrently.
type Prefiller interface {
	// Prefills tells whether a model goes on from the last message of a request that is
	// Prefilled, without saying that message again.
	Prefills(model string) bool
}

// Prefill is how a model is told to go on from the last message, which is the
// assistant's, instead of answering it.
type Prefill string

// The ways that are in use.
const (
	// PrefillLast needs nothing more: Groq (https://console.groq.com/docs/prefilling),
	// llama.cpp, Ollama.
	PrefillLast Prefill = "last_message"
	// PrefillContinue sets two options of vLLM and SGLang
	// (https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html).
	PrefillContinue Prefill = "continue_final_message"
	// PrefillPrefix marks the message, for Mistral and DeepSeek
	// (https://api-docs.deepseek.com/guides/chat_prefix_completion).
	PrefillPrefix Prefill = "prefix"
	// PrefillPartial marks the message, for Qwen and Kimi
	// (https://www.alibabacloud.com/help/en/model-studio/partial-mode).
	PrefillPartial Prefill = "partial"
)

// Prefills returns them, as they are named in settings.
func Prefills() []Prefill {
	return []Prefill{PrefillLast, PrefillContinue, PrefillPrefix, PrefillPartial}
}
