package amazon

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"sync"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// EnvQuotas names the setting that leads to Service Quotas.
const EnvQuotas = "AWS_ENDPOINT_URL_SERVICE_QUOTAS"

// QuotasHelp explains the setting.
const QuotasHelp = "base of Service Quotas, which tells a plan whether the account has room: the access key needs " +
	"servicequotas:ListServiceQuotas, GetServiceQuota and GetAWSDefaultServiceQuota. Defaults to the region's"

// quotaService is the name by which requests to Service Quotas are signed.
const quotaService = "servicequotas"

// quotaPages bounds the pages of a service's quotas, of a hundred each: SageMaker has some thousands.
const quotaPages = 80

var errQuotaKey = errors.New(EnvID + ": set it and " + EnvSecret + ", since Service Quotas takes signatures alone")

// Quotas are the limits of an account in a region, by Service Quotas
// (https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/Welcome.html).
type Quotas struct {
	Region string

	client *openai.Client
	base   string
	set    bool // there is a key

	mu    sync.Mutex
	codes map[string]string // of quotas, by their names, once they were found
}

// NewQuotas returns the quotas of an account, and opens no connection. Without an access key they fail.
func NewQuotas(of Account, key *Key, config providers.Config) (*Quotas, error) {
	base, err := openai.CheckBase(EnvQuotas, cmp.Or(of.Base, Host(quotaService, key.Region)))
	if err != nil {
		return nil, err
	}
	return &Quotas{
		Region: key.Region, base: base, set: key.Set(), codes: map[string]string{},
		client: openai.New(openai.Dialect{
			Provider: of.Vendor, Base: base, Secrets: of.Secrets, Words: quotaWords, Classify: unbilled(quotaWords),
			Authorize: func(r *http.Request) error {
				operation, _ := r.Context().Value(operationKey{}).(string)
				r.Header.Set("Content-Type", "application/x-amz-json-1.1")
				r.Header.Set("X-Amz-Target", "ServiceQuotasV20190624."+operation)
				return key.Sign(r, quotaService)
			},
		}, config),
	}, nil
}

// operationKey finds the name of an operation in the context of its request.
type operationKey struct{}

// quotaAsk asks for a quota, or for a page of those of a service.
type quotaAsk struct {
	Service string `json:"ServiceCode"`
	Code    string `json:"QuotaCode,omitempty"`
	Most    int    `json:"MaxResults,omitempty"`
	Next    string `json:"NextToken,omitempty"`
}

// quota is one as Service Quotas tells it.
type quota struct {
	Code  string `json:"QuotaCode"`
	Name  string `json:"QuotaName"`
	Value *float64
}

func (q *Quotas) ask(ctx context.Context, operation string, in quotaAsk, answer any) error {
	if !q.set {
		return q.client.Refused("", errQuotaKey)
	}
	ctx = context.WithValue(ctx, operationKey{}, operation)
	_, err := q.client.Do(ctx, openai.Call{Method: http.MethodPost, URL: q.base + "/", In: in, Out: answer})
	return err
}

// value reads a value, which is a whole number of things.
func (q *Quotas) value(told quota) (int64, error) {
	if told.Value == nil || *told.Value < 0 || *told.Value > 1e15 {
		return 0, q.client.Garbled("the answer tells no value of the quota")
	}
	return int64(*told.Value), nil
}

// Coded returns a quota of a service by its code: what was granted to the account, else what AWS begins with
// (https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html).
func (q *Quotas) Coded(ctx context.Context, service, code string) (int64, error) {
	var said struct{ Quota quota }
	asked := quotaAsk{Service: service, Code: code}
	err := q.ask(ctx, "GetServiceQuota", asked, &said)
	var e *providers.Error
	if errors.As(err, &e) && e.Code == errNoQuota {
		err = q.ask(ctx, "GetAWSDefaultServiceQuota", asked, &said)
	}
	if err != nil {
		return 0, err
	}
	return q.value(said.Quota)
}

// Named returns a quota of a service by its name. The first time all of the service's are gone through, since
// only their codes can be asked for
// (https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html).
func (q *Quotas) Named(ctx context.Context, service, name string) (int64, error) {
	q.mu.Lock()
	code := q.codes[name]
	q.mu.Unlock()
	if code != "" {
		return q.Coded(ctx, service, code)
	}
	asked := quotaAsk{Service: service, Most: 100}
	for range quotaPages {
		var page struct {
			Quotas []quota
			Next   string `json:"NextToken"`
		}
		if err := q.ask(ctx, "ListServiceQuotas", asked, &page); err != nil {
			return 0, err
		}
		for _, told := range page.Quotas {
			if told.Name == name && told.Code != "" {
				q.mu.Lock()
				q.codes[name] = told.Code
				q.mu.Unlock()
				return q.value(told)
			}
		}
		if page.Next == "" || page.Next == asked.Next {
			break
		}
		asked.Next = page.Next
	}
	return 0, q.client.Garbled("the list has no quota " + name)
}

// Raise says how a quota of a service is raised.
func (q *Quotas) Raise(service string) string {
	return "have it raised in Service Quotas, https://" + q.Region + ".console.aws.amazon.com/servicequotas/home/services/" +
		service + "/quotas"
}

// errNoQuota is the name of the error of a quota that has no value of the account's own.
const errNoQuota = "NoSuchResourceException"

// quotaWords are Service Quotas' own names of errors.
var quotaWords = openai.Words{
	Codes: Kinds(map[string]providers.Kind{
		errNoQuota:                        providers.KindInvalid,
		"DependencyAccessDeniedException": providers.KindPermission,
		"IllegalArgumentException":        providers.KindInvalid,
		"InvalidPaginationTokenException": providers.KindInvalid,
		"ServiceException":                providers.KindServer,
		"TooManyRequestsException":        providers.KindRateLimit,
	}),
	RequestIDs: []string{"X-Amzn-Requestid"},
}
