package sagemaker

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/amazon"
	"dreamlab/providers/openai"
)

// plane is the control plane, which speaks AWS's JSON 1.1: every operation is posted to one
// address, and a header names it.
type plane struct {
	client *openai.Client
	base   string
}

func newPlane(base string, key *amazon.Key, config providers.Config) *plane {
	return &plane{base: base, client: openai.New(openai.Dialect{
		Provider: name, Base: base, Secrets: key.Secrets, Words: words, Classify: classify,
		Authorize: func(r *http.Request) error {
			operation, _ := r.Context().Value(operationKey{}).(string)
			r.Header.Set("Content-Type", "application/x-amz-json-1.1")
			r.Header.Set("X-Amz-Target", "SageMaker."+operation)
			return key.Sign(r, name)
		},
	}, config)}
}

// operationKey finds the name of an operation in the context of its request.
type operationKey struct{}

// ask asks for one operation. The answer is nil where it does not matter.
func (p *plane) ask(ctx context.Context, operation string, in, answer any) error {
	ctx = context.WithValue(ctx, operationKey{}, operation)
	_, err := p.client.Do(ctx, openai.Call{Method: http.MethodPost, URL: p.base + "/", In: in, Out: answer})
	return err
}

// The names of errors that this package acts on.
const (
	errInUse   = "ResourceInUse"
	errAbsent  = "ResourceNotFound"
	errInvalid = "ValidationException"
)

// refusedAs tells whether an error has a name, or is a refusal that says so. Of training jobs
// SageMaker has names; of models and endpoints it only says what is there already, or not.
func refusedAs(err error, code string, phrases ...string) bool {
	var e *providers.Error
	if !errors.As(err, &e) {
		return false
	}
	said := strings.ToLower(e.Message)
	for _, phrase := range phrases {
		if e.Code == errInvalid && strings.Contains(said, phrase) {
			return true
		}
	}
	return e.Code == code
}

// exists tells whether something was not made since it is there.
func exists(err error) bool { return refusedAs(err, errInUse, "already exist") }

// absent tells whether something is not there.
func absent(err error) bool { return refusedAs(err, errAbsent, "not found", "could not find") }
