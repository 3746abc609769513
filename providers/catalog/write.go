package catalog

import (
	"fmt"
	"io"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"dreamlab/providers"
	"dreamlab/store/money"
)

// Write writes models as a file of the catalogue, which reads back as it was.
func Write(out io.Writer, models []Model) error {
	var file document
	for _, m := range models {
		file.Models = append(file.Models, rowOf(m))
	}
	encoder := yaml.NewEncoder(out)
	encoder.SetIndent(2)
	if err := encoder.Encode(file); err != nil {
		return fmt.Errorf("write the file of models and prices: %w", err)
	}
	return encoder.Close()
}

func rowOf(m Model) row {
	r := row{
		Vendor: m.Provider, ID: m.ID, Family: m.Family, Status: m.Status, Shutdown: dayOf(m.ShutdownAt),
		Gone: dayOf(m.GoneAt), Replacement: m.Replacement, Context: m.Context, MaxOutput: m.MaxOutput,
		Capabilities: slices.Clone(m.Caps), Dimensions: m.Dimensions, Source: m.Source, Checked: dayOf(m.Checked),
		Note: m.Note,
	}
	for _, p := range m.Prices {
		priced := priceRow{
			From: dayOf(p.From), Input: decimal(p.In), Cached: decimal(p.CachedIn), Output: decimal(p.Out),
			Write: decimalOr(p.CacheWrite), Batch: tierOf(p.Batch), Flex: tierOf(p.Flex),
			Priority: tierOf(p.Priority), Reserved: tierOf(p.Reserved),
		}
		if p.Train != nil {
			priced.Train = decimal(*p.Train)
		}
		if p.TrainPairs != nil {
			priced.TrainDPO = decimal(*p.TrainPairs)
		}
		r.Prices = append(r.Prices, priced)
	}
	return r
}

func tierOf(rates *providers.Rates) *tierRow {
	if rates == nil {
		return nil
	}
	return &tierRow{
		Input: decimal(rates.In), Cached: decimal(rates.CachedIn), Write: decimalOr(rates.CacheWrite), Output: decimal(rates.Out),
	}
}

// decimalOr writes no price where there is none of its own.
func decimalOr(nano int64) string {
	if nano == 0 {
		return ""
	}
	return decimal(nano)
}

func decimal(nano int64) string { return money.USD(nano).String() }

func dayOf(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.DateOnly)
}
