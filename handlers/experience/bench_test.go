package experience_test

import (
	"fmt"
	"strings"
	"testing"

	"dreamlab/handlers/handlertest"
	"dreamlab/store"
	"dreamlab/store/storetest"
)

// BenchmarkImport imports 5,000 lines in one job, half of them with an id: into
// an empty store, and once more.
func BenchmarkImport(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *store.Store{
		"sqlite": storetest.SQLite, "postgres": storetest.PostgreSQL,
	} {
		b.Run(name+"/new", func(b *testing.B) { benchImport(b, open, false) })
		b.Run(name+"/again", func(b *testing.B) { benchImport(b, open, true) })
	}
}

func benchImport(b *testing.B, open func(testing.TB) *store.Store, again bool) {
	const rows = 5000
	bench := handlertest.New(b)
	bench.Store = open(b)
	var lines strings.Builder
	for i := range rows {
		id := ""
		if i%2 == 0 {
			id = fmt.Sprint("talk-", i/4)
		}
		lines.WriteString(row(id, i) + "\n")
	}
	if again {
		finish(b, bench, start(b, bench, lines.String()), bench.Bucket)
	}
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		if !again {
			bench.Tenant = fmt.Sprint("ten_", n)
		}
		run := start(b, bench, lines.String())
		b.StartTimer()
		result := finish(b, bench, run, bench.Bucket)
		if again && result.Duplicates != rows || !again && result.Accepted != rows {
			b.Fatalf("got %+v", result)
		}
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
}
