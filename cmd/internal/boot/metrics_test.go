package boot

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/config"
)

func TestScraped(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &config.Config{Metrics: free.Addr().String()}
	s := &Stack{Config: c, Log: zerolog.Nop(), Metrics: prometheus.NewRegistry()}
	if _, err := s.Scraped(t.Context()); err == nil || !strings.Contains(err.Error(), "DREAMLAB_METRICS") {
		t.Errorf("an address that is taken: %v", err)
	}
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "dreamlab_test_total"})
	s.Metrics.MustRegister(counter)
	shown, err := s.Scraped(t.Context())
	if err != nil || len(shown) != 1 {
		t.Fatalf("%d processes, %v", len(shown), err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Group(ctx, s.Log, defaultGrace, shown...) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for path, want := range map[string]string{"/metrics": "dreamlab_test_total 0", "/healthz": `{"status":"ok"}`} {
		answer, err := client.Get("http://" + s.Config.Metrics + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.Body.Close() != nil || answer.StatusCode != 200 || !strings.Contains(string(text), want) {
			t.Errorf("%s is %d %s, %v", path, answer.StatusCode, text, err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	s.Config.Metrics = ""
	if none, err := s.Scraped(t.Context()); err != nil || len(none) > 0 {
		t.Errorf("without an address: %d processes, %v", len(none), err)
	}
}
