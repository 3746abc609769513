package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"dreamlab/providers/sandbox/amazon"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// standing are the endpoints that the account has from the beginning, with what answers there.
// Their machines are not billed.
func standing(l *lab.Lab) []stand {
	return []stand{
		{"jumpstart-llama-3-1-8b-instruct", "ml.g5.2xlarge", l.Small}, {"jumpstart-llama-3-1-70b-instruct", "ml.g5.48xlarge", l.Large},
	}
}

type stand struct {
	endpoint string
	instance string
	brain    *model.Model
}

// stands returns what answers at an endpoint that is always there, nil at others.
func (e *emulator) stands(endpoint string) *model.Model {
	for _, s := range e.standing {
		if s.endpoint == endpoint {
			return s.brain
		}
	}
	return nil
}

// What the containers take.
const (
	contextLength = 8192
	maxOutput     = 4096
)

func standingObject(endpoint string) map[string]any {
	made := stamp(time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC))
	return map[string]any{
		"EndpointName": endpoint, "EndpointArn": arn("endpoint", endpoint), "EndpointStatus": "InService",
		"EndpointConfigName": endpoint, "CreationTime": made, "LastModifiedTime": made,
	}
}

// brain returns what answers at an endpoint, or at a component of it.
func (e *emulator) brain(endpoint, component string) (*model.Model, *lab.Failure) {
	switch {
	case e.stands(endpoint) != nil:
		return e.stands(endpoint), nil
	case !goodName.MatchString(endpoint) || !e.there(endpoint):
		return nil, &lab.Failure{
			Status: http.StatusBadRequest, Type: "ValidationError",
			Message: fmt.Sprintf("Endpoint %s of account %s not found.", endpoint, account),
		}
	}
	d, brain, refused := e.account.Hosting.Serving(endpoint, endpoint, 0)
	if refused == nil && d.Training == "" {
		return rack{e}.componentBrain(endpoint, component)
	}
	if refused != nil {
		return nil, &lab.Failure{
			Status: http.StatusBadRequest, Type: "ValidationError",
			Message: fmt.Sprintf("Endpoint %s of account %s is not in service.", endpoint, account),
		}
	}
	return brain, nil
}

// invoke answers with a whole answer
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html). A
// stream that is asked for there comes without frames.
func (e *emulator) invoke(w http.ResponseWriter, r *http.Request) *lab.Failure {
	plain := *e.dialect
	plain.Framing = nil
	return e.chat(w, r, &plain)
}

// invokeStream answers with a stream
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html).
func (e *emulator) invokeStream(w http.ResponseWriter, r *http.Request) *lab.Failure {
	w.Header().Set("X-Amzn-SageMaker-Content-Type", "text/event-stream")
	return e.chat(w, r, e.dialect)
}

func (e *emulator) chat(w http.ResponseWriter, r *http.Request, dialect *lab.Dialect) *lab.Failure {
	endpoint := r.PathValue("endpoint")
	brain, refused := e.brain(endpoint, r.Header.Get(componentHeader))
	if refused != nil {
		return refused
	}
	var ask model.Ask
	if err := lab.ReadJSON(r, &ask); err != nil {
		return ofContainer(lab.Invalid("", "read the body: %v", err))
	}
	if refused := check(&ask); refused != nil {
		return ofContainer(refused)
	}
	w.Header().Set("x-Amzn-Invoked-Production-Variant", "AllTraffic")
	e.lab.Chat(w, r, dialect, &lab.Answer{Model: endpoint, Ask: &ask, Free: true}, brain)
	return nil
}

// check refuses what the containers refuse.
func check(ask *model.Ask) *lab.Failure {
	in := ask.Tokens()
	switch {
	case len(ask.Messages) == 0:
		return lab.Invalid("messages", "messages must not be empty")
	case in > contextLength:
		return lab.Invalid("messages", "This model's maximum context length is %d tokens. However, your request has %d input tokens.",
			contextLength, in)
	case ask.MaxTokens > maxOutput:
		return lab.Invalid("max_tokens", "max_tokens must be at most %d", maxOutput)
	}
	return nil
}

func tail(a *lab.Answer) map[string]any {
	if a.Ask.StreamOptions == nil || !a.Ask.StreamOptions.IncludeUsage {
		return nil
	}
	return lab.UsageChunkOpenAI(a)
}

// exception is the member of an event that is an exception of the stream itself.
const exception = "exception"

// broken is the exception of a stream whose container failed.
func broken(*lab.Answer) map[string]any {
	return map[string]any{exception: map[string]any{
		"ErrorCode": "ModelInvocationTimeExceeded", "Message": "The model container did not answer in time.",
	}}
}

// framing writes AWS's event stream, whose events hold the container's server-sent events.
func framing() *lab.Framing {
	return &lab.Framing{
		Kind: "application/vnd.amazon.eventstream", Event: frameOf, Done: payload([]byte("data: [DONE]\n\n")),
		Bad: payload([]byte("data: {\"id\":\"chatcmpl-\n\n")),
	}
}

// payload is the event that holds a part of what a container wrote.
func payload(part []byte) []byte {
	return amazon.Frame([]amazon.Header{
		{Name: ":event-type", Value: "PayloadPart"}, {Name: ":content-type", Value: "application/octet-stream"},
		{Name: ":message-type", Value: "event"},
	}, part)
}

func frameOf(event any) []byte {
	if object, ok := event.(map[string]any); ok && object[exception] != nil {
		return amazon.Frame([]amazon.Header{
			{Name: ":exception-type", Value: "ModelStreamError"}, {Name: ":content-type", Value: "application/json"},
			{Name: ":message-type", Value: "exception"},
		}, encoded(object[exception]))
	}
	return payload(append(append([]byte("data: "), encoded(event)...), "\n\n"...))
}

func encoded(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil { // what the emulators answer always marshals
		panic(err)
	}
	return data
}
