package sagemaker

import (
	"errors"
	"strings"

	"dreamlab/store/money"
)

// instances are what may be used, with its price: machines, by nano-dollars an hour.
type instances map[string]int64

var errInstances = errors.New(envInstances + ": write each as ml.g5.12xlarge=7.09, the number being dollars an hour")

// parsePrices reads what may be used, with its prices, by names with a beginning.
func parsePrices(setting, beginning string, wrong error) (instances, error) {
	known := instances{}
	for part := range strings.SplitSeq(setting, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		kind, dollars, found := strings.Cut(strings.TrimSpace(part), "=")
		nano, fault := money.ParsePrice(dollars, money.Dollar)
		if !found || kind == "" || !strings.HasPrefix(kind, beginning) || fault != nil || nano <= 0 {
			return nil, wrong
		}
		known[kind] = nano
	}
	return known, nil
}

// cost is what some seconds of a machine cost, nano-dollars, rounded up.
func (i instances) cost(kind string, seconds int64) int64 { return (i[kind]*seconds + 3599) / 3600 }
