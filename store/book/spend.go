package book

import (
	"context"
	"errors"
	"time"

	"dreamlab/store/db"
)

// Spend is a sum of entries. Reserved counts what is open or unknown.
type Spend struct {
	Group    string
	Start    time.Time // of the interval; zero where there are none
	Calls    int64     // of models
	Reserved int64     // nano-dollars
	Settled  int64     // nano-dollars
	Input    int64     // tokens
	Output   int64     // tokens
	Repaid   int64     // tries whose outcome was lost
}

// Add adds another sum to this one.
func (s *Spend) Add(other Spend) {
	s.Calls += other.Calls
	s.Reserved += other.Reserved
	s.Settled += other.Settled
	s.Input += other.Input
	s.Output += other.Output
	s.Repaid += other.Repaid
}

// spendGroups are the groupings of a sum and their columns.
var spendGroups = map[string]string{
	"purpose":  "e.purpose",
	"provider": "e.provider",
	"model":    "e.provider || '/' || e.model",
	"key":      "COALESCE(e.key_id, '')",
	"job":      "COALESCE(e.job, '')",
	"day":      "CAST(e.day AS TEXT)", // since 1970, in the tenant's zone
	"":         "''",
}

// SpendGroup tells whether sums can be grouped by the word.
func SpendGroup(by string) bool { _, ok := spendGroups[by]; return ok }

// Intervals of sums.
const (
	Hourly  = "hour"
	Daily   = "day"
	Monthly = "month"
)

// The columns of intervals: hours and days since 1970. Months are put together of days.
var spendStarts = map[string]string{
	Hourly: "e.created / 3600000000", Daily: "e.day", Monthly: "e.day", "": "CAST(0 AS BIGINT)",
}

// Trainings and hours of hosting are entries, but not calls.
const spendSums = `COUNT(CASE WHEN e.purpose NOT IN ('train', 'host') THEN 1 END), CAST(COALESCE(SUM(
	CASE WHEN e.state IN ('open', 'unknown') THEN e.reserved ELSE 0 END), 0) AS BIGINT),
	CAST(COALESCE(SUM(e.settled), 0) AS BIGINT), CAST(COALESCE(SUM(e.input), 0) AS BIGINT),
	CAST(COALESCE(SUM(e.output), 0) AS BIGINT), COUNT(CASE WHEN e.state = 'unknown' THEN 1 END)`

// Span selects the entries of a tenant that are summed: those made in [From, To).
type Span struct {
	Tenant   string
	By       string // what is grouped by, see SpendGroup
	From, To time.Time
	Interval string         // Hourly, Daily, Monthly, or "" for one sum over all of it
	Zone     *time.Location // of days and months. Defaults to UTC.
}

// maxSpends bounds the sums of a span.
const maxSpends = 20_000

// ErrManySpends says that a span has more sums than are shown at once.
var ErrManySpends = errors.New("more than 20000 sums: narrow the time, or group by less")

// Spending sums a tenant's entries made in [from, to) by group, one of day,
// purpose, provider, model, key, job or "".
func (q *Queries) Spending(ctx context.Context, tenant, by string, from, to time.Time) ([]Spend, error) {
	return q.SpendingIn(ctx, Span{Tenant: tenant, By: by, From: from, To: to})
}

// SpendingIn sums the entries of a span by interval and group, in their order. Of whole days (UTC)
// that are over it reads the sums that SumUsage has made. It fails with ErrManySpends.
func (q *Queries) SpendingIn(ctx context.Context, s Span) ([]Spend, error) {
	mark, err := q.usageMark(ctx, s.Tenant)
	if err != nil {
		return nil, err
	}
	var sums []Spend
	at := map[spendKey]int{}
	rows := 0
	query, args := s.statement(mark)
	err = q.Each(ctx, query, args, func(r db.Rows) error {
		if rows++; rows > maxSpends {
			return ErrManySpends
		}
		sum, err := s.scan(r)
		if err != nil {
			return err
		}
		key := spendKey{sum.Group, sum.Start.Unix()}
		i, known := at[key]
		if !known {
			at[key] = len(sums)
			sums = append(sums, sum)
			return nil
		}
		sums[i].Add(sum)
		return nil
	})
	return sums, err
}

type spendKey struct {
	group string
	start int64
}

func (s Span) scan(r db.Rows) (Spend, error) {
	var sum Spend
	var start int64
	err := r.Scan(&sum.Group, &start, &sum.Calls, &sum.Reserved, &sum.Settled, &sum.Input, &sum.Output, &sum.Repaid)
	if s.By == "day" && err == nil {
		sum.Group = dayOf(sum.Group)
	}
	zone := s.Zone
	if zone == nil {
		zone = time.UTC
	}
	day := time.Unix(start*86400, 0).UTC()
	switch s.Interval {
	case Hourly:
		sum.Start = time.Unix(start*3600, 0).In(zone)
	case Daily:
		sum.Start = time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, zone)
	case Monthly:
		sum.Start = time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, zone)
	}
	return sum, err
}

func dayOf(days string) string {
	n := int64(0)
	for _, digit := range days {
		n = n*10 + int64(digit-'0')
	}
	return time.Unix(n*86400, 0).UTC().Format(time.DateOnly)
}

// JobSpend sums the entries of a job and of all its descendants. For a job with a parent it
// sums only its own.
func (q *Queries) JobSpend(ctx context.Context, job string) (Spend, error) {
	sums, err := q.JobSpends(ctx, []string{job})
	return sums[job], err
}

// JobSpends is JobSpend for many jobs, in one statement. Those without entries are
// left out.
func (q *Queries) JobSpends(ctx context.Context, jobs []string) (map[string]Spend, error) {
	sums := make(map[string]Spend, len(jobs))
	if len(jobs) == 0 {
		return sums, nil
	}
	keep := func(s Spend) error {
		sums[s.Group] = s
		return nil
	}
	err := db.Stream(ctx, q.Tx, scanSpend, keep, `SELECT e.g, `+spendSums+` FROM (
			SELECT l.value AS g, r.* FROM ({list $1}) AS l JOIN entries r ON r.job = l.value
			UNION ALL SELECT l.value AS g, r.* FROM ({list $1}) AS l JOIN entries r ON r.root = l.value
				WHERE r.root <> r.job) AS e
		GROUP BY e.g`, db.Encode(jobs))
	return sums, err
}

func scanSpend(scan func(...any) error) (Spend, error) {
	var s Spend
	err := scan(&s.Group, &s.Calls, &s.Reserved, &s.Settled, &s.Input, &s.Output, &s.Repaid)
	return s, err
}
