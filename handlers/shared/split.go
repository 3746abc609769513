package shared

import (
	"encoding/json"
	"strings"

	"dreamlab/providers"
	"dreamlab/tasks/lenient"
)

// Split takes the answer of a joined request apart: the answer of each case, as if it had been asked alone. A case
// that it does not answer, answers twice or declines has an empty one. The tokens are shared by size, of
// which there is one for each case.
func Split(reply *providers.Reply, sizes []int64) []*providers.Reply {
	answers := answersOf(reply)
	parts := make([]*providers.Reply, len(sizes))
	input, output := Parts(reply.Usage.Input, sizes), Parts(reply.Usage.Output, sizes)
	cached, written := Parts(reply.Usage.CachedInput, sizes), Parts(reply.Usage.CacheWrite, sizes)
	reasoned := Parts(reply.Usage.Reasoning, sizes)
	for i := range parts {
		parts[i] = &providers.Reply{
			Content: answers[Name(i)], Refusal: reply.Refusal, Finish: reply.Finish, Model: reply.Model,
			RequestID: reply.RequestID, Sandbox: reply.Sandbox,
			Usage: providers.Usage{
				Input: input[i], CachedInput: cached[i], CacheWrite: written[i], Output: output[i], Reasoning: reasoned[i],
				Missing: reply.Usage.Missing,
			},
		}
	}
	return parts
}

// Said returns how long the answer of a joined request is, in bytes, and how long the answers to its cases would be
// together if each were alone, without their cases' names. Both are 0 where it can not be read.
func Said(reply *providers.Reply) (whole, alone int64) {
	for name, answer := range answersOf(reply) {
		alone += int64(max(len(answer)-len(`"case":"",`)-len(name), 0))
	}
	if alone == 0 {
		return 0, 0
	}
	return int64(len(reply.Content)), alone
}

// answersOf finds the answers by the name of their case.
func answersOf(reply *providers.Reply) map[string]string {
	whole, err := lenient.Object(reply.Content)
	if err != nil {
		return nil
	}
	var list struct {
		Answers []json.RawMessage `json:"answers"`
	}
	if json.Unmarshal(whole, &list) != nil {
		return nil
	}
	found := map[string]string{}
	for _, item := range list.Answers {
		var named struct {
			Case string `json:"case"`
		}
		if json.Unmarshal(item, &named) != nil {
			continue
		}
		name := strings.ToLower(strings.TrimSpace(named.Case))
		if _, twice := found[name]; twice {
			found[name] = "" // nobody knows which one is meant
			continue
		}
		found[name] = string(item)
	}
	return found
}

// Parts divides a sum by sizes, such that the parts come to the sum again.
func Parts(sum int64, sizes []int64) []int64 {
	parts := make([]int64, len(sizes))
	left := int64(0)
	for _, size := range sizes {
		left += max(size, 1)
	}
	for i, size := range sizes {
		size = max(size, 1)
		parts[i] = int64(float64(sum) * float64(size) / float64(left))
		sum, left = sum-parts[i], left-size
	}
	return parts
}
