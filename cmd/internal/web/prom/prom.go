// Package prom reads what /metrics tells, in Prometheus's text format: as much of it
// as the pages show.
package prom

import (
	"math"
	"strconv"
	"strings"
)

// sample is a line of the metrics: a name, labels and a value.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

// Samples are all lines of it.
type Samples []sample

// Read reads the text; lines that it can not read are left out.
func Read(told string) Samples {
	var m Samples
	for line := range strings.Lines(told) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, value, found := strings.Cut(strings.TrimSpace(line), " ")
		number, err := strconv.ParseFloat(value, 64)
		if !found || err != nil {
			continue // a label with a space in it: none of those that are read here
		}
		name, labels, _ := strings.Cut(strings.TrimSuffix(name, "}"), "{")
		m = append(m, sample{name, labelsOf(labels), number})
	}
	return m
}

func labelsOf(text string) map[string]string {
	labels := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if name, value, found := strings.Cut(pair, "="); found {
			labels[name] = strings.Trim(value, `"`)
		}
	}
	return labels
}

func (s sample) has(labels map[string]string) bool {
	for name, value := range labels {
		if s.labels[name] != value {
			return false
		}
	}
	return true
}

// Sum adds the values up that have the labels.
func (m Samples) Sum(name string, labels map[string]string) (total float64) {
	for _, s := range m {
		if s.name == name && s.has(labels) {
			total += s.value
		}
	}
	return total
}

// Quantile returns the upper bound of the bucket in which the share of a histogram lies, 0 where
// nothing was counted. The text has the buckets in their order.
func (m Samples) Quantile(name string, labels map[string]string, share float64) float64 {
	type bucket struct{ most, count float64 }
	var buckets []bucket
	for _, s := range m {
		if most, err := strconv.ParseFloat(s.labels["le"], 64); s.name == name && s.has(labels) && err == nil {
			buckets = append(buckets, bucket{most, s.value})
		}
	}
	if len(buckets) == 0 || buckets[len(buckets)-1].count == 0 {
		return 0
	}
	wanted := share * buckets[len(buckets)-1].count
	for i, b := range buckets {
		if b.count >= wanted {
			if math.IsInf(b.most, 1) && i > 0 {
				return buckets[i-1].most
			}
			return b.most
		}
	}
	return 0
}
