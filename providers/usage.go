package providers

import (
	"bytes"
	"encoding/json"
)

// How many tokens a request can be at most: for a reservation, no tokenizer in
// use makes more than one token of two bytes of text in a living language, and no
// vendor bills a picture above 2,500.
const (
	minBytesPerToken   = 2
	bytesPerTokenUsual = 4
	tokensPerMessage   = 16
	tokensPerImage     = 2_500
)

// What a vendor may add to a count before it is not believed: a token for each
// byte, its own system prompt, and pictures and answers that it counts in its own way.
const (
	tokensOfVendor      = 4_096
	maxTokensPerMessage = 64
	maxTokensPerImage   = 25_000
	tokensOfAnswer      = 256
	maxContext          = 2 << 20 // tokens, where the catalogue does not say
)

// InputBound returns the most input tokens that the request is reserved for.
func InputBound(req *Request) int64 {
	size, images := sizeOf(req)
	fixed := tokensPerMessage*(len(req.Messages)+1) + images*tokensPerImage
	return int64(size/minBytesPerToken + fixed)
}

// TokenBound returns the most tokens that the request is counted for in a vendor's limits:
// its input, and as much of an answer as was asked for or is usual.
func TokenBound(req *Request) int64 {
	if len(req.Inputs) > 0 {
		return InputBound(req)
	}
	answer := int64(orDefault(req.MaxTokens, TypicalAnswer))
	if req.N != nil && *req.N > 1 {
		answer *= int64(*req.N)
	}
	return InputBound(req) + answer
}

func sizeOf(req *Request) (size, images int) {
	size = len(req.Tools) + len(req.ResponseFormat) + sizeOfAll(req.Options) + sizeOfAll(req.Vendor)
	for _, input := range req.Inputs {
		size += len(input) + tokensPerMessage*minBytesPerToken
	}
	for i := range req.Messages {
		message := &req.Messages[i]
		size += len(message.Content) + len(message.ToolCalls) + len(message.Name) + sizeOfAll(message.Extra)
		images += bytes.Count(message.Content, []byte(`"image_url"`))
	}
	return size, images
}

// sizeOfAll counts what may become part of the prompt: documents, schemas, reasoning of
// earlier turns.
func sizeOfAll(members map[string]json.RawMessage) (size int) {
	for _, value := range members {
		size += len(value)
	}
	return size
}

// EstimateUsage guesses what an answer was billed where the vendor did not
// say. The guess stays marked as Missing.
func EstimateUsage(req *Request, reply *Reply) Usage {
	input := InputBound(req) * minBytesPerToken / bytesPerTokenUsual
	output := (len(reply.Content) + len(reply.Message)) / bytesPerTokenUsual
	return Usage{Input: input, Output: int64(output) + 1, Missing: true}
}

// believable tells whether a call can have used what the vendor counts: input by
// the size of the request, output by what was asked for, or was received. Context
// is the model's, in tokens; 0 where it is not known.
func believable(req *Request, received, context int, usage Usage) bool {
	for _, count := range []int64{usage.Input, usage.CachedInput, usage.CacheWrite, usage.Output, usage.Reasoning} {
		if count < 0 {
			return false
		}
	}
	answers := 1
	if req.N != nil && *req.N > 1 {
		answers = *req.N
	}
	return usage.Input <= maxInput(req)*int64(answers) &&
		usage.Output <= maxOutput(req, received, context, usage.Reasoning)*int64(answers)
}

func maxInput(req *Request) int64 {
	size, images := sizeOf(req)
	return int64(size + tokensOfVendor + maxTokensPerMessage*(len(req.Messages)+1) + images*maxTokensPerImage)
}

// maxOutput is the most that one answer can have. Some vendors count reasoning
// beside the tokens that were asked for.
func maxOutput(req *Request, received, context int, reasoning int64) int64 {
	most := int64(orDefault(context, maxContext))
	if req.MaxTokens <= 0 {
		return most
	}
	asked := int64(req.MaxTokens) + tokensOfAnswer + min(reasoning, most)
	return max(asked, int64(received))
}
