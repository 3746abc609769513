package learn

import (
	"context"

	"dreamlab/store/db"
	"dreamlab/store/job"
)

// Nouns are the things here that have a job of their own, for the room of jobs to
// tell of its end.
func Nouns() job.Nouns {
	return job.Nouns{"drm_": follow("dreams"), "tun_": follow("tunes"), "ftjob-": follow("trainings")}
}

// follow keeps a table's rows as their jobs are.
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

// closeRow ends the noun that a job was made for, where it is the noun's own job
// and not one of its children.
func closeRow(ctx context.Context, tx *db.Tx, table, subject, own string, to job.State) error {
	n, err := tx.Exec(ctx, `UPDATE `+table+` SET finished = {now}
		WHERE id = $1 AND job = $2 AND finished IS NULL`, subject, own)
	if err != nil || n == 0 || table != "dreams" || to == job.StateSucceeded {
		return err
	}
	return releaseExperiences(ctx, tx, subject)
}

// releaseExperiences gives back what a dream sealed and never got to, so that
// another dream can take it. What has an example or a stored answer stays.
func releaseExperiences(ctx context.Context, tx *db.Tx, dream string) error {
	_, err := tx.Exec(ctx, `UPDATE experiences SET dream = NULL WHERE dream = $1
		AND NOT EXISTS (SELECT 1 FROM examples x WHERE x.dream = $1 AND x.experience = experiences.id)
		AND NOT EXISTS (SELECT 1 FROM jobs j JOIN effects e ON e.job = j.id
			WHERE j.subject = $1 AND e.step >= experiences.id || '/' AND e.step < experiences.id || '0')`, dream)
	return err
}
