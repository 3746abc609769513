package chat

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/store/job"
)

func TestAbsentees(t *testing.T) {
	t.Parallel()
	attached := job.Job{ID: "job_1", Attached: true}
	for name, tc := range map[string]struct {
		job  job.Job
		act  func(a *absentees, job job.Job)
		want int
	}{
		"gone for good": {attached, func(a *absentees, j job.Job) { a.leave(j, true) }, 1},
		"told all":      {attached, func(a *absentees, j job.Job) { a.leave(j, false) }, 0},
		"has a key": {job.Job{ID: "job_1", Attached: true, IdemKey: "k"}, func(a *absentees, j job.Job) {
			a.leave(j, true)
		}, 0},
		"in the background": {job.Job{ID: "job_1"}, func(a *absentees, j job.Job) { a.leave(j, true) }, 0},
		"back in time": {attached, func(a *absentees, j job.Job) {
			a.leave(j, true)
			time.Sleep(9 * time.Second)
			a.arrive(j.ID)
		}, 0},
		"back too late": {attached, func(a *absentees, j job.Job) {
			a.leave(j, true)
			time.Sleep(11 * time.Second)
			a.arrive(j.ID)
		}, 1},
		"one of two": {attached, func(a *absentees, j job.Job) {
			a.arrive(j.ID)
			a.leave(j, true)
		}, 0},
		"closed": {attached, func(a *absentees, j job.Job) {
			a.leave(j, true)
			a.close()
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // the clock of a bubble: nothing really sleeps
				dropped := 0
				a := newAbsentees(10*time.Second, func(context.Context, job.Job) { dropped++ })
				a.arrive(tc.job.ID)
				tc.act(a, tc.job)
				time.Sleep(time.Minute)
				synctest.Wait()
				a.close()
				if dropped != tc.want {
					t.Errorf("%d dropped, want %d", dropped, tc.want)
				}
			})
		})
	}
}

// TestFollowedChats reports what is followed for a while, and what waits for its
// client to come back.
func TestFollowedChats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAbsentees(10*time.Second, func(context.Context, job.Job) {})
		a.arrive("job_old")
		a.arrive("job_left")
		time.Sleep(reportEvery)
		a.arrive("job_new")
		a.leave(job.Job{ID: "job_left", Attached: true}, true)
		got := a.followed(reportEvery)
		slices.Sort(got)
		if want := []string{"job_left", "job_old"}; !slices.Equal(got, want) {
			t.Errorf("reported are %v, want %v", got, want)
		}
		a.close()
	})
}
