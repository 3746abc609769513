package learn

import (
	"context"

	"dreamlab/store/db"
	"dreamlab/store/job"
)

// Nouns are the things in this package that have a job of their own; package job calls them
// when that job ends.
func Nouns() job.Nouns {
	return job.Nouns{"drm_": follow("dreams"), "tun_": follow("tunes"), "ftjob-": follow("trainings")}
}

// follow keeps the rows of a table in step with their jobs.
func follow(table string) job.Noun {
	return job.Noun{
		Ended: func(ctx context.Context, tx *db.Tx, subject, own string, to job.State) error {
			return closeRow(ctx, tx, table, subject, own, to)
		},
		Reopened: func(ctx context.Context, tx *db.Tx, subject, own string) error {
			_, err := tx.Exec(ctx, `UPDATE `+table+` SET finished = NULL WHERE id = $1 AND job = $2`, subject, own)
			return err
		},
	}
}

// closeRow ends the row that a job was made for, where the job is the row's own and not one of
// its children.
func closeRow(ctx context.Context, tx *db.Tx, table, subject, own string, to job.State) error {
	n, err := tx.Exec(ctx, `UPDATE `+table+` SET finished = {now}
		WHERE id = $1 AND job = $2 AND finished IS NULL`, subject, own)
	if err != nil || n == 0 || table != "dreams" || to == job.StateSucceeded {
		return err
	}
	return releaseExperiences(ctx, tx, subject)
}

// releaseExperiences releases the experiences that a dream sealed and did not process, so that
// another dream can seal them. Those with an example or a stored answer stay sealed.
func releaseExperiences(ctx context.Context, tx *db.Tx, dream string) error {
	_, err := tx.Exec(ctx, `UPDATE experiences SET dream = NULL WHERE dream = $1
		AND NOT EXISTS (SELECT 1 FROM examples x WHERE x.dream = $1 AND x.experience = experiences.id)
		AND NOT EXISTS (SELECT 1 FROM jobs j JOIN effects e ON e.job = j.id
			WHERE j.subject = $1 AND e.step >= experiences.id || '/' AND e.step < experiences.id || '0')`, dream)
	return err
}
