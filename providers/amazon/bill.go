package amazon

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/bill"
	"dreamlab/providers/openai"
)

// EnvCosts names the setting that leads to Cost Explorer.
const EnvCosts = "AWS_ENDPOINT_URL_COST_EXPLORER"

// CostsHelp explains the setting.
const CostsHelp = "base of Cost Explorer, which usage reconcile asks: the access key needs ce:GetCostAndUsage, and each " +
	"page costs a cent. Defaults to AWS's"

// costService is the name by which requests to Cost Explorer are signed.
const costService = "ce"

// costTarget names the one operation that is asked for.
const costTarget = "AWSInsightsIndexService.GetCostAndUsage"

// billPages bounds the pages of a bill. AWS takes a cent for each.
const billPages = 1000

var (
	errBillKey   = errors.New(EnvID + ": set it and " + EnvSecret + ", since Cost Explorer takes signatures alone")
	errBillPages = errors.New("the bill has more pages than it can have: ask for fewer days")
	errBillForm  = errors.New("read the bill: it has no costs by day and usage type")
)

// Account says whose bill is asked for.
type Account struct {
	Vendor  string // in errors
	Service string // as Cost Explorer calls it, such as "Amazon Bedrock"
	Base    string // of Cost Explorer. Defaults to AWS's
	Secrets func() []string
}

// Bills are what an account was billed for a service of AWS, by Cost Explorer
// (https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html).
type Bills struct {
	account Account
	client  *openai.Client
	set     bool // there is a key
}

var _ bill.Biller = (*Bills)(nil)

// NewBills returns the bills of an account, and opens no connection. Without an access key they fail.
func NewBills(of Account, key *Key, config providers.Config) (*Bills, error) {
	costs := *key
	costs.Region = "us-east-1" // Cost Explorer is served from one region alone
	if strings.HasPrefix(key.Region, "cn-") {
		costs.Region = "cn-northwest-1"
	}
	base, err := openai.CheckBase(EnvCosts, cmp.Or(of.Base, Host(costService, costs.Region)))
	if err != nil {
		return nil, err
	}
	of.Base = base
	return &Bills{account: of, set: key.Set(), client: openai.New(openai.Dialect{
		Provider: of.Vendor, Base: base, Secrets: of.Secrets, Words: costWords, Classify: unbilled(costWords),
		Authorize: func(r *http.Request) error {
			r.Header.Set("Content-Type", "application/x-amz-json-1.1")
			r.Header.Set("X-Amz-Target", costTarget)
			return costs.Sign(r, costService)
		},
	}, config)}, nil
}

// costAsk asks for the costs of each day and usage type of a service.
type costAsk struct {
	TimePeriod  costPeriod
	Granularity string
	Metrics     []string
	GroupBy     []costGroup
	Filter      costFilter
	Next        string `json:"NextPageToken,omitempty"`
}

type costPeriod struct{ Start, End string }

type costGroup struct{ Type, Key string }

type costFilter struct{ Dimensions costDimension }

type costDimension struct {
	Key    string
	Values []string
}

// Bill hands over what each day and usage type of the service cost, unblended, as [bill.Biller] says:
// it tells no calls. A line's model is the usage type.
func (b *Bills) Bill(ctx context.Context, from, to time.Time, each func(bill.Line) error) error {
	if !b.set {
		return errBillKey
	}
	ask := costAsk{
		TimePeriod:  costPeriod{from.UTC().Format(time.DateOnly), to.UTC().Format(time.DateOnly)},
		Granularity: "DAILY", Metrics: []string{"UnblendedCost"}, GroupBy: []costGroup{{"DIMENSION", "USAGE_TYPE"}},
		Filter: costFilter{costDimension{"SERVICE", []string{b.account.Service}}},
	}
	for range billPages {
		var page costPage
		_, err := b.client.Do(ctx, openai.Call{Method: http.MethodPost, URL: b.account.Base + "/", In: ask, Out: &page})
		if err != nil {
			return err
		}
		if err := page.lines(each); err != nil {
			return err
		}
		if page.Next == "" || page.Next == ask.Next {
			return nil
		}
		ask.Next = page.Next
	}
	return b.client.Refused("", errBillPages)
}

// costPage is a page of costs by day.
type costPage struct {
	Days []struct {
		Period costPeriod `json:"TimePeriod"`
		Groups []struct {
			Keys    []string
			Metrics map[string]struct {
				Amount json.RawMessage
				Unit   string
			}
		}
	} `json:"ResultsByTime"`
	Next string `json:"NextPageToken"`
}

func (p costPage) lines(each func(bill.Line) error) error {
	if p.Days == nil {
		return errBillForm
	}
	for _, day := range p.Days {
		date, err := time.Parse(time.DateOnly, day.Period.Start)
		if err != nil {
			return fmt.Errorf("read the bill: %.20q is no day", day.Period.Start)
		}
		for _, group := range day.Groups {
			cost, told := group.Metrics["UnblendedCost"]
			if !told || len(group.Keys) != 1 {
				return errBillForm
			}
			nano, err := bill.Nano(cost.Amount, cost.Unit)
			if err != nil {
				return fmt.Errorf("%s: %w", day.Period.Start, err)
			}
			if err := each(bill.Line{Day: date, Model: group.Keys[0], Nano: nano}); err != nil {
				return err
			}
		}
	}
	return nil
}

// costWords are Cost Explorer's own names of errors.
var costWords = openai.Words{
	Codes: Kinds(map[string]providers.Kind{
		"BillExpirationException":   providers.KindInvalid,
		"DataUnavailableException":  providers.KindInvalid,
		"InvalidNextTokenException": providers.KindInvalid,
		"LimitExceededException":    providers.KindRateLimit,
		"RequestChangedException":   providers.KindInvalid,
		"ResourceNotFoundException": providers.KindInvalid,
		"UnknownOperationException": providers.KindInvalid,
		"ValidationException":       providers.KindInvalid,
		"InternalServerException":   providers.KindServer,
		"InternalFailure":           providers.KindServer,
		"ServiceUnavailable":        providers.KindCapacity,
	}),
	RequestIDs: []string{"X-Amzn-Requestid"},
}
