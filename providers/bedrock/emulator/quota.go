package emulator

import (
	"time"

	"dreamlab/providers/sandbox/amazon"
)

// quotaName is that of imported models.
const quotaName = "Imported models per account"

// granted is how many the account may have to begin with, where AWS grants 3.
const granted = 100

// quotas are the account's, as far as they bound what is served.
func (e *emulator) quotas() amazon.Quotas {
	return amazon.Quotas{
		Lab: e.lab, Vendor: e.vendor, Service: name, Defaults: true,
		Known: []amazon.Quota{{Code: "L-45B04988", Name: quotaName, Value: granted}},
	}
}

// count is how many models there are or will be. It is called with the lock held.
func (is *imports) count(now time.Time) (n int64) {
	for _, w := range is.all {
		if w.there(now) || now.Before(w.Ends) {
			n++
		}
	}
	return n
}
