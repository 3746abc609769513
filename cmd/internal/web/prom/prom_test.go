package prom

import "testing"

const told = `# HELP dreamlab_jobs_open Jobs.
dreamlab_jobs_open{lane="chat",state="queued"} 3
dreamlab_jobs_open{lane="chat",state="running"} 2
dreamlab_jobs_open{lane="dream",state="queued"} 1e+02
pickup_bucket{lane="chat",le="0.001"} 50
pickup_bucket{lane="chat",le="0.01"} 98
pickup_bucket{lane="chat",le="+Inf"} 100
pickup_bucket{lane="dream",le="+Inf"} 0
broken
`

func TestSamples(t *testing.T) {
	t.Parallel()
	s := Read(told)
	chat := map[string]string{"lane": "chat"}
	if got := s.Sum("dreamlab_jobs_open", chat); got != 5 {
		t.Errorf("the lane has %v jobs", got)
	}
	if got := s.Sum("dreamlab_jobs_open", map[string]string{"lane": "dream", "state": "queued"}); got != 100 {
		t.Errorf("the other has %v", got)
	}
	for share, want := range map[float64]float64{0.5: 0.001, 0.9: 0.01, 0.99: 0.01} {
		if got := s.Quantile("pickup_bucket", chat, share); got != want {
			t.Errorf("the quantile %v is %v", share, got)
		}
	}
	if got := s.Quantile("pickup_bucket", map[string]string{"lane": "dream"}, 0.5); got != 0 {
		t.Errorf("of nothing it is %v", got)
	}
}
