package emulator

import (
	"net/http"
	"strings"

	"dreamlab/providers/sandbox/amazon"
	"dreamlab/providers/sandbox/lab"
)

// billing serves Cost Explorer beside the account.
func billing(e *emulator, next http.Handler) http.Handler {
	return amazon.Bills{Lab: e.lab, Vendor: e.vendor, Service: "Amazon SageMaker", Costs: costs}.Serve(next)
}

// costs bills machines, whatever ran on them.
func costs(p lab.Payment) []amazon.Cost {
	use, what, _ := strings.Cut(p.Model, ":")
	switch use {
	case "hosting":
		return []amazon.Cost{{UsageType: "Host:" + what, Nano: p.NanoUSD}}
	case "fine-tune":
		return []amazon.Cost{{UsageType: "Train:ml.g5.12xlarge", Nano: p.NanoUSD}}
	}
	return []amazon.Cost{{UsageType: "Host-Data-Bytes-Out", Nano: p.NanoUSD}} // what an answer costs beside its machine
}
