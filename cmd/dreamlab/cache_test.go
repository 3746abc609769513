package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestCacheCalibrate measures a threshold by the vectors of the sandbox, and fails where none has the precision.
func TestCacheCalibrate(t *testing.T) {
	t.Parallel()
	env := running(t)
	pairs := writeFile(t, "pairs.jsonl", `{"a":"how do I reset my password?","b":"how do I reset my password?","same":true}`+"\n\n"+
		`{"a":"convert 5 miles","b":"convert 7 miles","same":false}`+"\n")
	got := invoke(t, env, "cache", "calibrate", "--model", "together/intfloat/multilingual-e5-large-instruct", "--json", pairs)
	var found struct {
		Pairs, Right         int
		Threshold, Precision float64
		Reached              bool
	}
	if err := json.Unmarshal([]byte(got.out), &found); err != nil || got.code != exitOK || !found.Reached || found.Pairs != 2 ||
		found.Right != 1 || found.Threshold < 0.99 {
		t.Errorf("%v: %+v", err, got)
	}
	got = invoke(t, env, "cache", "calibrate", "--model", "together/intfloat/multilingual-e5-large-instruct", "--sure", pairs)
	if got.code != exitFailed || !strings.Contains(got.out, "threshold 1.0000") || !strings.Contains(got.errs, "no threshold") {
		t.Errorf("%+v", got)
	}
	bad := writeFile(t, "bad.jsonl", `{"a":"x"}`)
	if got := invoke(t, env, "cache", "calibrate", "--model", "x", bad); got.code != exitFailed || !strings.Contains(got.errs, "line 1") {
		t.Errorf("%+v", got)
	}
	if got := invoke(t, env, "cache", "calibrate", "--model", "x", "--precision", "2", bad); got.code != exitUsage {
		t.Errorf("%+v", got)
	}
}
