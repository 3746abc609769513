package providers

import (
	"cmp"
	"errors"
	"strings"
	"unicode/utf8"

	"dreamlab/providers/completion"
)

// Seam is where another target went on with an answer.
type Seam struct {
	From Target // whose answer broke off
	At   int    // characters of the answer that were shown by then
}

// maxBreaks is how often a target may break off one answer before it is not asked to go
// on with it any more.
const maxBreaks = 2

// A continuation is kept back until this much of it tells whether it goes on: in bytes.
const seamBytes = 32

// A continuation that begins with as much of the answer's own beginning begins it anew,
// and one that begins with as much of its end repeats it: in bytes.
const (
	anewBytes   = 4
	repeatBytes = 16
	tailBytes   = 512 // of what was shown, in which a repetition is looked for
)

var errSeam = errors.New("the continuation does not go on from what was shown")

// resume prepares the call for going on from what was shown, and tells whether some
// target can.
func (run *run) resume(c *candidate, part *Answer, e *Error) bool {
	run.broken = run.join(part)
	if !run.call.Resume || !e.Kind.Retryable() || !resumable(&run.asked, run.broken.Reply) {
		return false
	}
	c.broke++
	c.dead = c.dead || c.broke >= maxBreaks
	text := run.broken.Reply.Content
	run.seams = append(run.seams, Seam{From: c.target, At: utf8.RuneCountInString(text)})
	run.call.Request = continued(run.asked, text)
	run.began = run.router.now() // the reader waits since the break, and not since the beginning
	return run.keepPrefilling()
}

// resumable tells whether an answer is one text of which a beginning was shown: nothing
// else can be put before a model as what it has said.
func resumable(request *Request, shown *Reply) bool {
	several := request.N != nil && *request.N > 1
	formed := len(request.ResponseFormat) > 0 || request.Logprobs
	return !several && !formed && shown.Content != "" && shown.Refusal == "" && !completion.Calls(shown.Message)
}

// continued is the request for the rest of an answer.
func continued(request Request, text string) Request {
	messages := append([]Message(nil), request.Messages...)
	request.Messages, request.Prefilled = append(messages, TextMessage("assistant", text)), true
	if request.MaxTokens > 0 {
		request.MaxTokens = max(1, request.MaxTokens-len(text)/bytesPerTokenUsual)
	}
	return request
}

// keepPrefilling leaves those who can go on with an answer, at what that comes to with
// them, and tells whether there are any.
func (run *run) keepPrefilling() (left bool) {
	for _, c := range run.candidates {
		prefiller, able := c.driver.(Prefiller)
		if !able || !prefiller.Prefills(c.target.Model) || !run.requote(c) {
			c.dead = true
		}
		left = left || c.left()
	}
	return left
}

// requote sets what the call comes to at the candidate by now.
func (run *run) requote(c *candidate) bool {
	choice, err := run.choice(c.target, 0)
	c.quote = choice.Quote
	return err == nil
}

// join puts what was shown before in front of a part of an answer.
func (run *run) join(part *Answer) *Answer {
	if run.broken == nil || part == nil {
		return cmp.Or(part, run.broken)
	}
	before, reply := run.broken.Reply, *part.Reply
	reply.Content = before.Content + reply.Content
	reply.Message = completion.Rejoin(before.Message, reply.Message, reply.Content)
	if len(reply.Body) > 0 {
		reply.Body = completion.WithMessage(reply.Body, reply.Message)
	}
	joined := *part
	joined.Reply, joined.Seams = &reply, run.seams
	return &joined
}

// cross keeps the first chunks of a continuation back until they go on from what was
// shown. A role, and thoughts that are thought again, are left out.
func (g *gate) cross(chunk Chunk) error {
	text, calls := completion.Said(chunk.Data)
	if text == "" && !calls && !chunk.Ends {
		return nil
	}
	g.seam.text += text
	g.keep(chunk)
	if len(g.seam.text) < seamBytes && !calls && !chunk.Ends {
		return nil
	}
	return g.flush()
}

// seam is where a continuation begins.
type seam struct {
	before string // what was shown
	text   string // of the continuation so far
}

// clean tells whether the text goes on from what was shown. It may begin with a word of
// its own, but not with the answer's beginning or with a long piece of its end.
func (s *seam) clean() bool {
	before, text := strings.TrimSpace(s.before), strings.TrimSpace(s.text)
	text = text[:min(len(text), seamBytes)]
	if agrees(before, text, anewBytes) {
		return false
	}
	for end := before[max(0, len(before)-tailBytes):]; len(end) >= repeatBytes; end = end[1:] {
		if agrees(end, text, repeatBytes) {
			return false
		}
	}
	return true
}

// agrees tells whether two texts are the same as far as both go, which is so many bytes
// at least.
func agrees(a, b string, least int) bool {
	n := min(len(a), len(b))
	return n >= least && a[:n] == b[:n]
}

// unclean is the failure of a continuation that does not go on. It was paid for.
func unclean(e *Error) *Error {
	if e == nil || !errors.Is(e, errSeam) {
		return e
	}
	told := *e
	told.Kind, told.NoRetry, told.Message = KindUnreadable, true, errSeam.Error()
	return &told
}

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
