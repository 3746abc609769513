package engine

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/tasks"
)

// standing asks the database at each scrape how the work stands. What it tells
// is the same whichever process is asked, and outlives them all.
type standing struct {
	store *store.Store
	log   zerolog.Logger

	counted *prometheus.Desc
	open    *prometheus.Desc
	oldest  *prometheus.Desc
	lost    *prometheus.Desc
	repaid  *prometheus.Desc
	trials  *prometheus.Desc
	pairs   *prometheus.Desc
}

// countWithin bounds what one scrape may ask of the database.
const countWithin = 5 * time.Second

func newStanding(s *store.Store, log zerolog.Logger) *standing {
	return &standing{
		store: s, log: log,
		counted: prometheus.NewDesc("dreamlab_jobs_counted",
			"1 where the database told how the work stands, else 0.", nil, nil),
		open: prometheus.NewDesc("dreamlab_jobs_open",
			"Jobs that have not ended.", []string{"lane", "state"}, nil),
		oldest: prometheus.NewDesc("dreamlab_jobs_oldest_seconds",
			"How long the oldest job has been due that no worker has.", []string{"lane"}, nil),
		lost: prometheus.NewDesc("dreamlab_calls_lost_total",
			"Calls whose outcome was lost.", []string{"lane", "cause"}, nil),
		repaid: prometheus.NewDesc("dreamlab_calls_repaid_total",
			"Calls that were paid for again since their outcome was lost.", []string{"lane", "cause"}, nil),
		trials: prometheus.NewDesc("dreamlab_canaries_open",
			"Canaries that have not ended.", []string{"state"}, nil),
		pairs: prometheus.NewDesc("dreamlab_canary_pairs_total",
			"Answers of both models of a canary that were judged, by how the candidate's fared.", []string{"outcome"}, nil),
	}
}

// Describe names the metrics.
func (s *standing) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.counted, s.open, s.oldest, s.lost, s.repaid, s.trials, s.pairs} {
		out <- d
	}
}

// Collect asks the database. Where it does not answer the other metrics are
// still told.
func (s *standing) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), countWithin)
	defer cancel()
	counted := 1.0
	if err := s.tell(ctx, out); err != nil {
		counted = 0
		s.log.Warn().Err(err).Msg("count the work for the metrics; the next scrape asks again")
	}
	out <- prometheus.MustNewConstMetric(s.counted, prometheus.GaugeValue, counted)
}

func (s *standing) tell(ctx context.Context, out chan<- prometheus.Metric) error {
	counts, err := s.store.LaneCounts(ctx)
	if err != nil {
		return err
	}
	lost, err := s.store.LostTries(ctx)
	if err != nil {
		return err
	}
	lanes := lanesOf(counts)
	for _, lane := range tasks.Lanes() {
		of := lanes[lane]
		for state, n := range of.states() {
			out <- prometheus.MustNewConstMetric(s.open, prometheus.GaugeValue, float64(n),
				string(lane), string(state))
		}
		out <- prometheus.MustNewConstMetric(s.oldest, prometheus.GaugeValue, of.Wait.Seconds(), string(lane))
	}
	s.tellLost(lost, out)
	return s.tellCanaries(ctx, out)
}

func (s *standing) tellCanaries(ctx context.Context, out chan<- prometheus.Metric) error {
	open, judged, err := s.store.Standing(ctx)
	if err != nil {
		return err
	}
	for state, n := range open {
		out <- prometheus.MustNewConstMetric(s.trials, prometheus.GaugeValue, float64(n), string(state))
	}
	for outcome, n := range judged {
		out <- prometheus.MustNewConstMetric(s.pairs, prometheus.CounterValue, float64(n), string(outcome))
	}
	return nil
}

type lostIn struct {
	lane  tasks.Lane
	cause string
}

func (s *standing) tellLost(lost []book.Lost, out chan<- prometheus.Metric) {
	tries, repaid := map[lostIn]int{}, map[lostIn]int{}
	for _, l := range lost {
		in := lostIn{laneOfPurpose(l.Purpose), l.Cause}
		tries[in] += l.Tries
		repaid[in] += l.Repaid
	}
	for in, n := range tries {
		for desc, count := range map[*prometheus.Desc]int{s.lost: n, s.repaid: repaid[in]} {
			out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(count), string(in.lane), in.cause)
		}
	}
}

// laneOfPurpose tells by what money was for in which lane it was spent: a line
// of spend outlives its job.
func laneOfPurpose(purpose string) tasks.Lane {
	switch purpose {
	case "chat":
		return tasks.Chat
	case "evaluate", "shadow", "train", "host":
		return tasks.Tune
	}
	return tasks.Dream
}
