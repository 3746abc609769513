package sagemaker

import (
	"errors"
	"strings"

	"dreamlab/store/money"
)

// instances are the machines that may be started, with nano-dollars an hour.
type instances map[string]int64

var errInstances = errors.New(envInstances + ": write each as ml.g5.12xlarge=7.09, the number being dollars an hour")

// parseInstances reads machines with their prices.
func parseInstances(setting string) (instances, error) {
	known := instances{}
	for part := range strings.SplitSeq(setting, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		kind, dollars, found := strings.Cut(strings.TrimSpace(part), "=")
		nano, fault := money.ParsePrice(dollars, money.Dollar)
		if !found || !strings.HasPrefix(kind, "ml.") || fault != nil || nano <= 0 {
			return nil, errInstances
		}
		known[kind] = nano
	}
	return known, nil
}

// cost is what some seconds of a machine cost, nano-dollars, rounded up.
func (i instances) cost(kind string, seconds int64) int64 { return (i[kind]*seconds + 3599) / 3600 }
