package openai

// options are the parameters beside OpenAI's that servers of its dialect are known to
// take. One that gets what it lacks ignores it, or names it in its refusal.
var options = []string{
	// OpenAI's own, for its reasoning models and its service.
	"prediction", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "verbosity",
	"web_search_options",

	// Gateways: OpenRouter (https://openrouter.ai/docs/api-reference/parameters), Vercel, LiteLLM.
	"cache_control", "include_reasoning", "models", "plugins", "preset", "provider", "providerOptions", "reasoning",
	"route", "session_id", "transforms", "usage",

	// vLLM and SGLang (https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html).
	"add_generation_prompt", "add_special_tokens", "allowed_token_ids", "bad_words", "cache_salt", "chat_template",
	"chat_template_kwargs", "continue_final_message", "documents", "ebnf", "guided_choice", "guided_decoding_backend",
	"guided_grammar", "guided_json", "guided_regex", "guided_whitespace_pattern", "ignore_eos",
	"include_stop_str_in_output", "kv_transfer_params", "length_penalty", "logits_processors", "lora_path", "min_p",
	"min_tokens", "mm_processor_kwargs", "priority", "prompt_logprobs", "regex", "repetition_penalty", "request_id",
	"return_token_ids", "return_tokens_as_token_ids", "separate_reasoning", "skip_special_tokens",
	"spaces_between_special_tokens", "stop_token_ids", "stream_reasoning", "structural_tag", "structured_outputs",
	"thinking_token_budget", "top_k", "truncate_prompt_tokens", "use_beam_search", "vllm_xargs",

	// llama.cpp and Ollama (https://github.com/ggml-org/llama.cpp/tree/master/tools/server).
	"cache_prompt", "dry_allowed_length", "dry_base", "dry_multiplier", "dry_penalty_last_n", "dry_sequence_breakers",
	"dynatemp_exponent", "dynatemp_range", "grammar", "id_slot", "json_schema", "keep_alive", "lora", "min_keep",
	"mirostat", "mirostat_eta", "mirostat_tau", "n_keep", "n_probs", "parse_tool_calls", "post_sampling_probs",
	"reasoning_budget", "reasoning_format", "repeat_last_n", "repeat_penalty", "return_progress", "samplers", "think",
	"thinking_forced_open", "timings_per_token", "top_a", "typical_p", "xtc_probability", "xtc_threshold",

	// Services that are reached as servers: DeepSeek, Z.ai, x.ai, Mistral, Qwen, Gemini.
	"do_sample", "enable_search", "enable_thinking", "extra_body", "prompt_mode", "random_seed", "safe_prompt",
	"search_parameters", "thinking", "thinking_budget", "tool_stream",
}
