package site

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dreamlab/cmd/internal/markdown"
	"dreamlab/providers"
)

// vendorPages show each vendor: the variables that it reads and the models that the catalogue has.
func vendorPages(from Source) []Page {
	vendors := slices.SortedFunc(slices.Values(from.Vendors), func(a, b providers.Vendor) int { return cmp.Compare(a.Name, b.Name) })
	var pages []Page
	for _, v := range vendors {
		pages = append(pages, Page{
			Name: "vendor-" + v.Name + ".html", Title: v.Name, Group: "Vendors", Body: markdown.Guide(vendorText(v, from)),
		})
	}
	return pages
}

func vendorText(v providers.Vendor, from Source) string {
	var text strings.Builder
	fmt.Fprintf(&text, "# %s\n\nModels are named `%s/` and the vendor's own name. `dreamlab models --vendor %s` shows their "+
		"prices, `dreamlab doctor` tests the settings.\n\n## Settings\n\n", v.Name, v.Name, v.Name)
	text.WriteString("| variable | needed | without it | tells |\n|---|---|---|---|\n")
	for _, s := range v.Settings {
		needed := "no"
		if s.Required {
			needed = "yes"
		}
		if s.Secret {
			needed += ", secret"
		}
		fmt.Fprintf(&text, "| `%s` | %s | %s | %s |\n", s.Env, needed, s.Default, s.Help)
	}
	if len(v.Options) > 0 {
		fmt.Fprintf(&text, "\nA chat may hold, beside OpenAI's parameters: `%s`.\n", strings.Join(v.Options, "`, `"))
	}
	text.WriteString("\n## Models\n\n| model | context | can |\n|---|---|---|\n")
	for _, m := range from.Models {
		if m.Provider == v.Name && m.GoneAt.IsZero() {
			fmt.Fprintf(&text, "| `%s/%s` | %d | %s |\n", m.Provider, m.ID, m.Context, strings.Join(m.Caps, " "))
		}
	}
	return text.String()
}
