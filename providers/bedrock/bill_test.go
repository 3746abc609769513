package bedrock_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/providers/bill"
)

// billed asks for two days of a bill that is answered by pages.
func billed(t *testing.T, values map[string]string, pages ...string) (asked []string, lines []bill.Line, err error) {
	t.Helper()
	base := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || len(asked) == len(pages) || r.Header.Get("X-Amz-Target") != "AWSInsightsIndexService.GetCostAndUsage" ||
			!strings.Contains(r.Header.Get("Authorization"), "/us-east-1/ce/aws4_request") {
			http.Error(w, "unexpected", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		page := pages[len(asked)]
		asked = append(asked, string(body))
		if _, err := io.WriteString(w, page); err != nil {
			panic(http.ErrAbortHandler)
		}
	}))
	values["AWS_ENDPOINT_URL_COST_EXPLORER"] = base
	from := time.Date(2026, 1, 30, 0, 0, 0, 0, time.UTC)
	err = openWith(t, values).(bill.Biller).Bill(t.Context(), from, from.AddDate(0, 0, 2), func(l bill.Line) error {
		lines = append(lines, l)
		return nil
	})
	return asked, lines, err
}

// TestBillIsPaged reads what AWS tells of two days on two pages: amounts with ten places, and a credit.
func TestBillIsPaged(t *testing.T) {
	t.Parallel()
	values := settings("http://127.0.0.1:1")
	values["BEDROCK_REGION"] = "eu-central-1" // Cost Explorer is in us-east-1 all the same
	const group = `{"Keys":["USE1-Llama4-Scout-17B-input-tokens"],"Metrics":{"UnblendedCost":{"Amount":`
	asked, lines, err := billed(t, values,
		`{"GroupDefinitions":[{"Type":"DIMENSION","Key":"USAGE_TYPE"}],"ResultsByTime":[{"TimePeriod":{"Start":"2026-01-30",`+
			`"End":"2026-01-31"},"Total":{},"Groups":[`+group+`"1.0000000019","Unit":"USD"}}}],"Estimated":false}],"NextPageToken":"p2"}`,
		`{"ResultsByTime":[{"TimePeriod":{"Start":"2026-01-31","End":"2026-02-01"},"Groups":[`+group+`"-0.5","Unit":"USD"}}}]}]}`)
	if err != nil || len(lines) != 2 || *lines[0].Nano != 1_000_000_001 || *lines[1].Nano != -500_000_000 ||
		lines[1].Day.Format(time.DateOnly) != "2026-01-31" || lines[0].Model != "USE1-Llama4-Scout-17B-input-tokens" {
		t.Errorf("%+v, %v", lines, err)
	}
	const ask = `{"TimePeriod":{"Start":"2026-01-30","End":"2026-02-01"},"Granularity":"DAILY","Metrics":["UnblendedCost"],` +
		`"GroupBy":[{"Type":"DIMENSION","Key":"USAGE_TYPE"}],"Filter":{"Dimensions":{"Key":"SERVICE","Values":["Amazon Bedrock"]}}`
	if len(asked) != 2 || asked[0] != ask+`}` || asked[1] != ask+`,"NextPageToken":"p2"}` {
		t.Errorf("asked %q", asked)
	}
}

// TestBillWithoutAccessKey says what a key of Bedrock alone lacks.
func TestBillWithoutAccessKey(t *testing.T) {
	t.Parallel()
	_, _, err := billed(t, bearing("http://127.0.0.1:1"))
	if err == nil || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("%v", err)
	}
}

// TestUsageTypes are told by the models of the books.
func TestUsageTypes(t *testing.T) {
	t.Parallel()
	namer := openWith(t, settings("http://127.0.0.1:1")).(bill.Namer)
	books := []string{
		"us.meta.llama4-scout-17b-instruct-v1:0", "openai.gpt-oss-20b-1:0", "openai.gpt-oss-120b-1:0", "amazon.nova-micro-v1:0",
		"us.amazon.nova-micro-v1:0", "meta.llama3-1-8b-instruct-v1:0", "amazon.titan-embed-text-v2:0",
	}
	for billed, want := range map[string]string{
		"USE1-Llama4-Scout-17B-input-tokens":         "us.meta.llama4-scout-17b-instruct-v1:0",
		"USW2-gpt-oss-20b-output-tokens":             "openai.gpt-oss-20b-1:0",
		"EUC1-GPT-OSS-120B-input-tokens-flex":        "openai.gpt-oss-120b-1:0",
		"USE1-NovaMicro-input-tokens":                "amazon.nova-micro-v1:0",
		"us.amazon.nova-micro-v1:0":                  "amazon.nova-micro-v1:0", // in the books: AWS bills both together
		"us.meta.llama4-scout-17b-instruct-v1:0":     "us.meta.llama4-scout-17b-instruct-v1:0",
		"USE1-Llama3-1-8B-Instruct-input-tokens":     "meta.llama3-1-8b-instruct-v1:0",
		"USE1-Llama3-1-70B-input-tokens":             "USE1-Llama3-1-70B-input-tokens",
		"USE1-Guardrail-ContentPolicyUnitsConsumed":  "USE1-Guardrail-ContentPolicyUnitsConsumed",
		"arn:aws:bedrock:us-east-1:1:imported-model": "arn:aws:bedrock:us-east-1:1:imported-model",
	} {
		if got := namer.Named(billed, books); got != want {
			t.Errorf("%s is %s, want %s", billed, got, want)
		}
	}
}
