package amazon

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dreamlab/providers/sandbox/lab"
)

// quotaTarget begins the header's value of the operations of Service Quotas.
const quotaTarget = "ServiceQuotasV20190624."

// quotaRows is how many quotas a page has at most: few, so that clients have to turn pages.
const quotaRows = 5

// Quota is a limit that the account begins with.
type Quota struct {
	Code  string // Defaults to one that is made of the name
	Name  string
	Value int64
}

// code is a quota's own, in the form of AWS's.
func (q Quota) code() string {
	if q.Code != "" {
		return q.Code
	}
	return fmt.Sprintf("L-%X", sha256.Sum256([]byte(q.Name)))[:10]
}

// Quotas is as much of Service Quotas as tells the limits of one service
// (https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/Welcome.html). A limit that the lab has set
// was granted to the account; the others have no value but AWS's default where they say so.
type Quotas struct {
	Lab     *lab.Lab
	Vendor  lab.Vendor
	Service string // "bedrock"
	Known   []Quota
	// Defaults says that what was not granted is only found among AWS's defaults.
	Defaults bool
}

// Value is what counts now.
func (s Quotas) Value(name string) int64 {
	for _, q := range s.Known {
		if q.Name == name {
			return s.Lab.Quotas.Of(s.Vendor.Name, name, q.Value)
		}
	}
	return s.Lab.Quotas.Of(s.Vendor.Name, name, 0)
}

// Serve takes the requests to Service Quotas, which are told by a header, and leaves the others to the next
// handler. The script and the log of requests have them by their operations, as "/GetServiceQuota".
func (s Quotas) Serve(next http.Handler) http.Handler {
	vendor := s.Vendor
	vendor.Admit = func(r *http.Request) *lab.Failure { return Admit(s.Lab, r, "servicequotas") }
	vendor.Model = func(*http.Request) string { return "" }
	mux := http.NewServeMux()
	for operation, route := range map[string]func(*http.Request, *quotaAsk) (any, *lab.Failure){
		"GetServiceQuota": s.get, "GetAWSDefaultServiceQuota": s.getDefault, "ListServiceQuotas": s.list,
	} {
		mux.HandleFunc("POST /"+operation, lab.Take(vendor, route))
	}
	mux.HandleFunc("/", vendor.Handle(func(http.ResponseWriter, *http.Request) *lab.Failure {
		return &lab.Failure{Status: http.StatusBadRequest, Type: "UnknownOperationException"}
	}))
	mine := s.Lab.Serve(vendor, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		mux.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		operation, is := strings.CutPrefix(r.Header.Get("X-Amz-Target"), quotaTarget)
		if !is || r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		named := *r
		named.URL = &url.URL{Path: "/" + operation, RawQuery: r.URL.RawQuery}
		mine.ServeHTTP(w, &named)
	})
}

type quotaAsk struct {
	Service string `json:"ServiceCode"`
	Code    string `json:"QuotaCode"`
	Most    int    `json:"MaxResults"`
	Next    string `json:"NextToken"`
}

// object is a quota as AWS tells it.
func (s Quotas) object(q Quota, value int64) map[string]any {
	return map[string]any{
		"ServiceCode": s.Service, "ServiceName": "Amazon " + s.Service, "QuotaCode": q.code(), "QuotaName": q.Name,
		"QuotaArn": "arn:aws:servicequotas:" + Region + ":" + Account + ":" + s.Service + "/" + q.code(),
		"Value":    float64(value), "Unit": "None", "Adjustable": true, "GlobalQuota": false,
		"QuotaAppliedAtLevel": "ACCOUNT",
	}
}

// granted are the quotas that have a value of the account's own.
func (s Quotas) granted() []Quota {
	return slices.DeleteFunc(slices.Clone(s.Known), func(q Quota) bool {
		return s.Defaults && s.Lab.Quotas.Of(s.Vendor.Name, q.Name, -1) < 0
	})
}

func noQuota(format string, args ...any) *lab.Failure {
	return &lab.Failure{Status: http.StatusBadRequest, Type: "NoSuchResourceException", Message: fmt.Sprintf(format, args...)}
}

// among finds the quota that is asked for.
func (s Quotas) among(quotas []Quota, ask *quotaAsk) (Quota, *lab.Failure) {
	if ask.Service != s.Service {
		return Quota{}, noQuota("The request failed because the specified service does not exist.")
	}
	at := slices.IndexFunc(quotas, func(q Quota) bool { return q.code() == ask.Code })
	if at < 0 {
		return Quota{}, noQuota("The request failed because the specified quota does not exist.")
	}
	return quotas[at], nil
}

func (s Quotas) get(_ *http.Request, ask *quotaAsk) (any, *lab.Failure) {
	q, refused := s.among(s.granted(), ask)
	return map[string]any{"Quota": s.object(q, s.Value(q.Name))}, refused
}

func (s Quotas) getDefault(_ *http.Request, ask *quotaAsk) (any, *lab.Failure) {
	q, refused := s.among(s.Known, ask)
	return map[string]any{"Quota": s.object(q, q.Value)}, refused
}

func (s Quotas) list(_ *http.Request, ask *quotaAsk) (any, *lab.Failure) {
	skip, err := strconv.Atoi(ask.Next)
	granted := s.granted()
	switch {
	case ask.Service != s.Service:
		return nil, noQuota("The request failed because the specified service does not exist.")
	case ask.Next != "" && (err != nil || skip < 1 || skip > len(granted)):
		return nil, &lab.Failure{Status: http.StatusBadRequest, Type: "InvalidPaginationTokenException"}
	case ask.Most < 0 || ask.Most > 100:
		return nil, &lab.Failure{Status: http.StatusBadRequest, Type: "IllegalArgumentException"}
	}
	end := min(skip+min(lab.Between(strconv.Itoa(ask.Most), 1, quotaRows, quotaRows), quotaRows), len(granted))
	answer := map[string]any{"Quotas": lab.Objects(granted[skip:end], func(q Quota) any { return s.object(q, s.Value(q.Name)) })}
	if end < len(granted) {
		answer["NextToken"] = strconv.Itoa(end)
	}
	return answer, nil
}
