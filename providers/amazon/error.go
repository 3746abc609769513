package amazon

import (
	"cmp"
	"maps"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// common are the names of the errors that every service of AWS has
// (https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html).
var common = map[string]providers.Kind{
	"AccessDeniedException":               providers.KindPermission,
	"ExpiredTokenException":               providers.KindAuth,
	"IncompleteSignature":                 providers.KindAuth,
	"IncompleteSignatureException":        providers.KindAuth,
	"InvalidSignatureException":           providers.KindAuth,
	"MissingAuthenticationToken":          providers.KindAuth,
	"MissingAuthenticationTokenException": providers.KindAuth,
	"OptInRequired":                       providers.KindPermission,
	"RequestExpired":                      providers.KindAuth,
	"ServiceQuotaExceededException":       providers.KindQuota,
	"ServiceUnavailableException":         providers.KindCapacity,
	"ThrottlingException":                 providers.KindRateLimit,
	"UnrecognizedClientException":         providers.KindAuth,
}

// Kinds returns what the names of errors mean: those that every service has, and a
// service's own.
func Kinds(own map[string]providers.Kind) map[string]providers.Kind {
	all := maps.Clone(common)
	maps.Copy(all, own)
	return all
}

// ErrorName takes the name of an error out of "Name:http://…" and "namespace#Name".
func ErrorName(said string) string {
	said, _, _ = strings.Cut(said, ":")
	return said[strings.LastIndexByte(said, '#')+1:]
}

// unbilled reads the name of an error of a service that bills nothing, by its words: it stands in a header or in the body.
func unbilled(words openai.Words) func(openai.Failure, *providers.Error) {
	return func(f openai.Failure, e *providers.Error) {
		e.Charge = providers.ChargeNone
		e.Code = ErrorName(cmp.Or(f.Header.Get("X-Amzn-Errortype"), e.Code))
		if kind, known := words.Codes[e.Code]; known {
			e.Kind = kind
		}
	}
}
