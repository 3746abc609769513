package boot

import (
	"testing"

	"dreamlab/cmd/internal/config"
)

func TestOptionsThatSomeVendorTakes(t *testing.T) {
	t.Parallel()
	own := &models{}
	own.add(ownServer(config.Server{Name: "own", Pass: config.Names{"num_ctx"}}))
	for option, want := range map[string]bool{
		"usage": true, "reasoning": true, "top_k": true, "min_p": true, "chat_template_kwargs": true, "guided_json": true,
		"num_ctx": true, "temprature": false, "search_settings": false,
	} {
		if got := own.TakesOption(option); got != want {
			t.Errorf("%s: taken %v", option, got)
		}
	}
	own.add(ownServer(config.Server{Name: "any", Pass: config.Names{"all"}}))
	if !own.TakesOption("temprature") {
		t.Error("a server that is passed everything does not get it")
	}
	vendors := &models{}
	for _, vendor := range Vendors() {
		vendors.add(vendor)
	}
	if !vendors.TakesOption("search_settings") || !vendors.TakesOption("safety_model") || vendors.TakesOption("temprature") {
		t.Error("the vendors' own options are not known")
	}
}
