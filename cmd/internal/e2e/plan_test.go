package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// offered is a way of the plan of `dreamlab tune --plan --json`.
type offered struct {
	Trainer, Place, Base, Forbidden string
	Training                        json.Number `json:"training_usd"`
	Hosting                         json.Number `json:"hosting_usd"`
}

// usd is a price of the plan.
func usd(t *testing.T, text json.Number) float64 {
	t.Helper()
	value, err := text.Float64()
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// TestPlanOfEveryPlace has a plan name each trainer with a place that serves what it trains, at two sizes of traffic.
// What is paid by the token grows with it, what is paid by the hour does not.
func TestPlanOfEveryPlace(t *testing.T) {
	t.Parallel()
	st := embedded(t)
	st.site.run(t, "dreamlab", "import", "--wait", sample(t))
	st.site.run(t, "dreamlab", "dream", "--wait")
	few, many := st.plan(t, "1000"), st.plan(t, "100000")
	for pair, perToken := range map[string]bool{
		"together together": false, "azure azure": true, "databricks databricks": false, "sagemaker sagemaker": false,
		"vertex vertex": false, "sagemaker bedrock": false, "colab cloudflare": true, "colab groq": true, "colab vllm": false,
	} {
		least, most := few[pair], many[pair]
		if least.Base == "" || most.Base == "" {
			t.Errorf("%s is in no plan", pair)
			continue
		}
		own := strings.HasPrefix(pair, "colab")
		if grows := usd(t, most.Hosting) > usd(t, least.Hosting); grows != perToken || own != (usd(t, least.Training) == 0) {
			t.Errorf("%s is $%s, and a month $%s and $%s", pair, least.Training, least.Hosting, most.Hosting)
		}
		t.Logf("%s (%s): $%s, a month $%s and $%s", pair, least.Base, least.Training, least.Hosting, most.Hosting)
	}
}

// plan reads the ways of a plan at so many chats a day, by trainer and place, without those that are forbidden.
func (st *stack) plan(t *testing.T, chats string) map[string]offered {
	t.Helper()
	var tune struct{ Plan []offered }
	st.read(t, &tune, "dreamlab", "tune", "--plan", "--chats-per-day", chats, "--json")
	ways := map[string]offered{}
	for _, o := range tune.Plan {
		if o.Forbidden == "" {
			ways[o.Trainer+" "+o.Place] = o
		}
	}
	return ways
}
