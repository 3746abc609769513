package sagemaker

import (
	"cmp"
	"encoding/json"
	"net/http"

	"dreamlab/providers"
	"dreamlab/providers/amazon"
	"dreamlab/providers/openai"
)

// words are SageMaker's own
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html#API_runtime_InvokeEndpoint_Errors).
var words = openai.Words{
	Codes: amazon.Kinds(map[string]providers.Kind{
		errInUse:                      providers.KindInvalid,
		errAbsent:                     providers.KindModelGone,
		"ResourceLimitExceeded":       providers.KindQuota,
		"InternalDependencyException": providers.KindServer,
		"InternalFailure":             providers.KindServer,
		"ModelNotReadyException":      providers.KindCold,
		"ServiceUnavailable":          providers.KindCapacity,
	}),
	Phrases: []openai.Phrase{
		{Text: "not found", Kind: providers.KindModelGone},
		{Text: "could not find", Kind: providers.KindModelGone},
		{Text: "content filter", Kind: providers.KindContentFilter},
	},
	RequestIDs: []string{"X-Amzn-Requestid"},
}

// classify reads the name of the error, which stands in a header or in the body. What an
// endpoint's container says has its own status and words inside.
func classify(f openai.Failure, e *providers.Error) {
	e.Code = amazon.ErrorName(cmp.Or(f.Header.Get("X-Amzn-Errortype"), e.Code))
	if kind, known := words.Codes[e.Code]; known {
		e.Kind = kind
	}
	if e.Kind == providers.KindModelGone && e.Model == "" { // of the control plane
		e.Kind = providers.KindInvalid
	}
	if f.Status == http.StatusFailedDependency {
		ofContainer(f, e)
	}
}

// ofContainer takes over what a container answered.
func ofContainer(f openai.Failure, e *providers.Error) {
	var said struct {
		Status  int    `json:"OriginalStatusCode"`
		Message string `json:"OriginalMessage"`
	}
	if json.Unmarshal(f.Body, &said) != nil {
		return
	}
	e.Message = cmp.Or(said.Message, e.Message)
	e.Kind, e.Charge = providers.KindServer, providers.ChargeUnknown // the model was at work
	switch said.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		e.Kind, e.Charge = providers.KindInvalid, providers.ChargeNone
	case http.StatusRequestEntityTooLarge:
		e.Kind, e.Charge = providers.KindTooLarge, providers.ChargeNone
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		e.Kind, e.Charge = providers.KindCapacity, providers.ChargeNone
	}
}

// invalid refuses what was asked, before SageMaker hears of it.
func invalid(param, message string) *providers.Error {
	return &providers.Error{
		Kind: providers.KindInvalid, Provider: name, Param: param, Message: message, Charge: providers.ChargeNone,
	}
}

// gone says that a model is none that can be used so.
func gone(model, message string) *providers.Error {
	return &providers.Error{
		Kind: providers.KindModelGone, Provider: name, Model: model, Status: http.StatusNotFound,
		Message: model + " " + message, Charge: providers.ChargeNone,
	}
}
