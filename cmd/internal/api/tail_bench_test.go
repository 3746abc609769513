package api

import (
	"bufio"
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"dreamlab/cmd/internal/api/wire"
)

const (
	askers   = 8 // clients, each of which asks
	askEvery = 40 * time.Millisecond
)

// BenchmarkTail follows the live list of requests of a tenant with a million jobs, to which 200 chats a
// second are asked. It reports for each second's list how old its newest chat is when it comes (p95-ms),
// and how many chats were answered in a second.
func BenchmarkTail(b *testing.B) {
	r, session := largeRig(b)
	r.start()
	ask, err := http.NewRequestWithContext(b.Context(), http.MethodGet, r.url+"/app/requests/tail", nil)
	must(b, err)
	ask.AddCookie(&http.Cookie{Name: wire.SessionCookie, Value: session})
	stop := r.askAlways()
	b.ResetTimer()
	var behind []time.Duration
	for len(behind) < b.N {
		behind = append(behind, r.followTail(b, ask, b.N-len(behind))...)
	}
	b.StopTimer()
	b.ReportMetric(float64(stop())/b.Elapsed().Seconds(), "chats/s")
	reportMost(b, behind)
}

// askAlways has clients ask until stop, which tells how many chats were answered.
func (r *rig) askAlways() (stop func() int) {
	ctx, end := context.WithCancel(context.Background())
	var all sync.WaitGroup
	answered := make([]int, askers)
	for i := range askers {
		all.Go(func() {
			every := time.NewTicker(askEvery)
			defer every.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-every.C:
				}
				if err := r.chatOnce(http.DefaultClient); err != nil {
					r.t.Error(err)
					return
				}
				answered[i]++
			}
		})
	}
	return func() (sum int) {
		end()
		all.Wait()
		for _, n := range answered {
			sum += n
		}
		return sum
	}
}

var jobOnPage = regexp.MustCompile(`job_[0-9a-z]{20,}`)

// followTail reads lists until the server ends the stream, at most so many, and returns how old the newest
// chat of each was.
func (r *rig) followTail(b *testing.B, ask *http.Request, most int) (behind []time.Duration) {
	res, err := http.DefaultClient.Do(ask)
	must(b, err)
	defer func() { _ = res.Body.Close() }()
	fresh := false
	for lines := bufio.NewScanner(res.Body); lines.Scan() && len(behind) < most; {
		text := lines.Text()
		fresh = fresh || strings.HasPrefix(text, "id: ")
		id := jobOnPage.FindString(text)
		if !fresh || id == "" {
			continue
		}
		fresh = false
		came := time.Now()
		newest, err := r.store.AnyJob(b.Context(), id)
		must(b, err)
		behind = append(behind, came.Sub(newest.Created))
	}
	return behind
}
