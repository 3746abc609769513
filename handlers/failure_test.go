package handlers

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/tasks"
)

func TestFailureTellsEveryKind(t *testing.T) {
	t.Parallel()
	final := map[providers.Kind]bool{
		providers.KindInvalid: true, providers.KindUnsupported: true, providers.KindContext: true,
		providers.KindTooLarge: true, providers.KindContentFilter: true, providers.KindAuth: true,
		providers.KindPermission: true, providers.KindBilling: true, providers.KindModelGone: true,
		providers.KindUnreadable: true,
	}
	for kind := range tellings {
		cause := &providers.Error{Kind: kind, Provider: "groq", Model: "m", RetryAfter: time.Second}
		f := Failure(fmt.Errorf("answer a call: %w", cause))
		if f.Code == "" || f.Final != final[kind] || f.After != time.Second || !errors.Is(f, error(cause)) {
			t.Errorf("%s became %+v", kind, f)
		}
		if !strings.Contains(f.Message, "(groq: ") {
			t.Errorf("%s is told as %q", kind, f.Message)
		}
	}
	own := tasks.Fail("insufficient_quota", "wait")
	if Failure(fmt.Errorf("reserve: %w", own)) != own {
		t.Error("a failure did not stay as it was")
	}
	if f := Failure(errors.New("disk")); f.Code != "internal" || f.Final || strings.Contains(f.Message, "disk") {
		t.Errorf("an error from elsewhere became %+v", f)
	}
}

func TestUSD(t *testing.T) {
	t.Parallel()
	for nano, want := range map[int64]string{
		0: "0", 1: "0.000000001", 1_500_000_000: "1.5", 10_000_000_000: "10", -20: "-0.00000002",
	} {
		if got := string(USD(nano)); got != want {
			t.Errorf("USD(%d) is %s, want %s", nano, got, want)
		}
	}
}
