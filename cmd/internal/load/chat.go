package load

import (
	"context"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"dreamlab/cmd/internal/config"
)

const (
	chatAll     = 2000
	chatEvery   = time.Second / 200
	closedUsers = 32
	streamsAll  = 1000
	streamBeat  = time.Second // 1,000 streams are open for six of them
)

// ClosedChats is the full number of chats of the load chat32.
const ClosedChats = 6000

// body returns the n-th chat. All are different, so that none is a duplicate.
func body(n int64, stream bool) string {
	text := `{"model":"assistant","messages":[{"role":"user","content":"Question ` + strconv.FormatInt(n, 10) + `?"}]`
	if stream {
		text += `,"stream":true`
	}
	return text + "}"
}

// asker returns a function that sends chats to the API, each a new one.
func (r *rig) asker(ctx context.Context, url, key string, stream bool) func() (timing, error) {
	next := counting()
	return func() (timing, error) {
		q := question{url: url, key: key, body: body(next(), stream), status: http.StatusOK}
		return q.ask(ctx, r.client)
	}
}

// whole runs the whole program in this process while the load runs.
func (r *rig) whole(ctx context.Context, work func(ctx context.Context, url string) error) error {
	if err := r.open(ctx); err != nil {
		return err
	}
	front, processes, err := r.stack.Whole(ctx)
	if err != nil {
		return err
	}
	return r.during(ctx, processes, func(ctx context.Context) error {
		url := front.URL + "/v1/chat/completions"
		warm := r.asker(ctx, url, r.key, false)
		if found, _ := closed(r.count(200), 8, warm); found.fault() != nil {
			return found.fault()
		}
		return work(ctx, url)
	})
}

// chat asks at a fixed rate, first the vendor itself, then Dream Lab, and reports the added
// latency.
func chat(ctx context.Context, r *rig) (figures []Figure, err error) {
	n := r.count(chatAll)
	err = r.whole(ctx, func(ctx context.Context, url string) error {
		for _, stream := range []bool{false, true} {
			straight := steady(ctx, n, chatEvery, r.asker(ctx, r.vendor.url+"/chat/completions", "", stream))
			queued := steady(ctx, n, chatEvery, r.asker(ctx, url, r.key, stream))
			for _, a := range []*answers{straight, queued} {
				if err := a.fault(); err != nil {
					return err
				}
			}
			base, took, what := straight.wholes, queued.wholes, "whole answer"
			if stream {
				base, took, what = straight.firsts, queued.firsts, "first token"
			}
			typical := quantile(base, 0.5)
			figures = append(figures,
				atMost("chat", what+", added p50", millis(quantile(took, 0.5)-typical), "ms", 4),
				atMost("chat", what+", added p99", millis(quantile(took, 0.99)-typical), "ms", 20))
		}
		return nil
	})
	return figures, err
}

// chat32 asks as fast as 32 clients can.
func chat32(ctx context.Context, r *rig) (figures []Figure, err error) {
	n := r.count(ClosedChats)
	err = r.whole(ctx, func(ctx context.Context, url string) error {
		found, took := closed(n, closedUsers, r.asker(ctx, url, r.key, false))
		figures = []Figure{
			atLeast("chat32", "chats", rate(n, took), "chats/s", 1000),
			plain("chat32", "p50", millis(quantile(found.wholes, 0.5)), "ms"),
			plain("chat32", "p99", millis(quantile(found.wholes, 0.99)), "ms"),
		}
		return found.fault()
	})
	return figures, err
}

// streams opens a thousand streams that last some seconds, all at once. The memory and the
// connections are those of the whole program, with the clients and the vendor.
func streams(ctx context.Context, r *rig) (figures []Figure, err error) {
	n := r.count(streamsAll)
	r.vendor.beat = streamBeat
	r.config.Lanes["chat"] = config.Lane{Concurrency: n, Window: 2 * n, TenantCap: 2 * n}
	err = r.whole(ctx, func(ctx context.Context, url string) error {
		found, took := closed(n, n, r.asker(ctx, url, r.key, true))
		figures = []Figure{
			atMost("streams", "broken", float64(len(found.faults)), "streams", 1),
			atMost("streams", "Redis connections", float64(r.stack.Queue.Client.PoolStats().TotalConns), "", 50),
			plain("streams", "memory, clients and vendor in it", resident(), "MB"),
			plain("streams", "all of them", took.Seconds(), "s"),
			plain("streams", "first token, p99", millis(quantile(found.firsts, 0.99)), "ms"),
		}
		return nil
	})
	return figures, err
}

// resident returns the peak resident memory of this process in MB, 0 where the system does not
// report it (proc_pid_status(5)).
func resident() float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	line, _, _ := strings.Cut(rest, "kB")
	kilobytes, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	if err != nil {
		return 0
	}
	return kilobytes / 1024
}
