package bedrock

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/amazon"
	"dreamlab/providers/bill"
)

var _ bill.Namer = (*driver)(nil)

func newBills(keys *credential, value func(string) string, config providers.Config) (*amazon.Bills, error) {
	return amazon.NewBills(amazon.Account{
		Vendor: name, Service: "Amazon Bedrock", Base: value(amazon.EnvCosts), Secrets: keys.secrets,
	}, keys.key, config)
}

// Bill hands over what the account's use of Bedrock cost, as [bill.Biller] says. Models that are sold
// through AWS's Marketplace are billed as services of their own, and are not among it.
func (d *driver) Bill(ctx context.Context, from, to time.Time, each func(bill.Line) error) error {
	return d.bills.Bill(ctx, from, to, each)
}

var (
	billedRegion = regexp.MustCompile(`^[A-Z]{2,4}[0-9]-`)                                    // "USE1-" of us-east-1
	modelOwner   = regexp.MustCompile(`^((us|us-gov|eu|apac|jp|au|ca|global)\.)?[a-z0-9]+\.`) // "us.meta."
	modelVersion = regexp.MustCompile(`(-instruct)?(-v?[0-9]+)?(:[0-9a-z]+)*$`)               // "-instruct-v1:0"
)

// Named finds the model that a usage type is of, as [bill.Namer] says: the one with the longest
// name that "USE1-Llama4-Scout-17B-input-tokens" begins with. Two names of one model, as a model and
// its inference profile, are billed together: they are told by the shorter one.
func (*driver) Named(billed string, models []string) string {
	meter := squeezed(billedRegion.ReplaceAllString(billed, ""))
	if slices.Contains(models, billed) {
		meter = core(billed)
	}
	found, longest := billed, 0
	for _, model := range models {
		name := core(model)
		switch {
		case name == "" || !strings.HasPrefix(meter, name) || len(name) < longest:
		case len(name) > longest, len(model) < len(found), len(model) == len(found) && model < found:
			found, longest = model, len(name)
		}
	}
	return found
}

// core is what a model's name and its usage types have in common, squeezed.
func core(model string) string {
	return squeezed(modelVersion.ReplaceAllString(modelOwner.ReplaceAllString(model, ""), ""))
}

// squeezed leaves small letters and digits, in which models and usage types agree.
func squeezed(name string) string {
	return string(slices.DeleteFunc([]byte(strings.ToLower(name)), func(c byte) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9')
	}))
}
