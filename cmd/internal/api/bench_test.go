package api

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// BenchmarkChat measures a whole chat through the embedded stack, from one
// client and from 32, with a handler that answers at once.
func BenchmarkChat(b *testing.B) {
	for _, clients := range []int{1, 32} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			r := newRig(b)
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
			b.Cleanup(client.CloseIdleConnections)
			b.SetParallelism(clients)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := r.chatOnce(client); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func (r *rig) chatOnce(client *http.Client) error {
	req, err := http.NewRequest("POST", r.url+"/v1/chat/completions", bytes.NewReader([]byte(askWhole)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(res.Body)
	if closeErr := res.Body.Close(); err == nil {
		err = closeErr
	}
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", res.StatusCode, body)
	}
	return err
}

// BenchmarkLargeChat asks with a prompt of almost four megabytes.
func BenchmarkLargeChat(b *testing.B) {
	r := newRig(b, func(o *Options) { o.MaxBody, o.Models = 4<<20, listedModels{{Name: "together/base"}} })
	words := strings.Repeat(`{"role":"user","content":"`+strings.Repeat("word ", 2000)+`"},`, 390)
	body := strings.Replace(askWhole, `"messages":[`, `"messages":[`+words, 1)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if a := r.post("/v1/chat/completions", body); a.status != 200 {
			b.Fatalf("%d %s", a.status, a.body)
		}
	}
}
