package main

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestClientLogIsJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	clientLog{newLog(&out, "warn")}.Printf(t.Context(), "dial %s: %d times", "127.0.0.1:1", 5)
	var line struct{ Level, Part, Message string }
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Part != "redis" || line.Level != "warn" ||
		line.Message != "dial 127.0.0.1:1: 5 times" {
		t.Errorf("%v: %s", err, &out)
	}
}
