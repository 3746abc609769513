package webhook

import (
	"testing"
	"time"
)

func TestPlacesByTenantAndHost(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	p := newPlaces(6, func() time.Time { return now })
	enter := func(tenant, host string, want bool) (pause time.Duration) {
		t.Helper()
		pause, ok := p.enter(tenant, host)
		if ok != want {
			t.Errorf("a delivery of %s to %s has a place: %v", tenant, host, ok)
		}
		return pause
	}
	enter("a", "one", true)
	enter("a", "two", true)
	if pause := enter("a", "three", false); pause != minLook {
		t.Errorf("it waits for %s where the others have just begun", pause)
	}
	now = now.Add(5 * time.Second)
	if pause := enter("a", "three", false); pause != maxLook {
		t.Errorf("it waits for %s where the others hang", pause)
	}
	enter("b", "one", true)
	enter("c", "one", false) // of that host there are two
	enter("c", "four", true)
	p.leave("a", "one", true)
	enter("a", "three", true)
	enter("d", "five", true)
	enter("e", "six", true)
	enter("f", "seven", false) // all are taken
	if len(p.began) != 4+2+6-1 {
		t.Errorf("%d tenants and hosts have deliveries under way", len(p.began))
	}
}

// TestBrokenHost fails a host until it is left alone; then one delivery tries, and
// an answer brings it back.
func TestBrokenHost(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	p := newPlaces(6, func() time.Time { return now })
	fail := func() {
		t.Helper()
		if _, ok := p.enter("a", "host"); !ok {
			t.Fatal("no place")
		}
		p.leave("a", "host", false)
	}
	for range failuresToShut {
		fail()
	}
	for _, shut := range []time.Duration{minShut, 2 * minShut, 4 * minShut} {
		if pause, ok := p.enter("b", "host"); ok || pause != shut {
			t.Fatalf("place %v, pause %s, want %s", ok, pause, shut)
		}
		now = now.Add(shut)
		fail()
	}
	now = now.Add(maxShut)
	if _, ok := p.enter("a", "host"); !ok {
		t.Fatal("the host is not tried again")
	}
	if _, ok := p.enter("b", "host"); ok {
		t.Error("two try at once")
	}
	p.leave("a", "host", true)
	for range 2 {
		if _, ok := p.enter("b", "host"); !ok {
			t.Error("a host that answers again is left alone")
		}
	}
}

func TestBrokenHostsAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	p := newPlaces(6, func() time.Time { now = now.Add(time.Second); return now })
	for i := range 2 * maxHosts {
		host := string(rune('a'+i%26)) + time.Duration(i).String()
		if _, ok := p.enter("a", host); !ok {
			t.Fatal("no place")
		}
		p.leave("a", host, false)
	}
	if len(p.broken) > maxHosts {
		t.Errorf("%d hosts are known", len(p.broken))
	}
}
