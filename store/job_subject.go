package store

import "context"

// subjectTables names the tables whose rows have a job of their own. The key
// is the prefix of their ids.
var subjectTables = map[string]string{"drm_": "dreams", "tun_": "tunes", "ftjob-": "trainings"}

// closeSubject ends the noun that a job was made for, where it is the noun's
// own job and not one of its children.
func (q *Queries) closeSubject(ctx context.Context, s stub, to JobState) error {
	table, known := subjectTables[NounOf(s.Subject)]
	if !known {
		return nil
	}
	n, err := q.exec(ctx, `UPDATE `+table+` SET finished = {now}
		WHERE id = $1 AND job = $2 AND finished IS NULL`, s.Subject, s.ID)
	if err != nil || n == 0 || table != "dreams" || to == JobSucceeded {
		return err
	}
	return q.releaseExperiences(ctx, s.Subject)
}

// releaseExperiences gives back what a dream sealed and never got to, so that
// another dream can take it. What has an example or a stored answer stays.
func (q *Queries) releaseExperiences(ctx context.Context, dream string) error {
	_, err := q.exec(ctx, `UPDATE experiences SET dream = NULL WHERE dream = $1
		AND NOT EXISTS (SELECT 1 FROM examples x WHERE x.dream = $1 AND x.experience = experiences.id)
		AND NOT EXISTS (SELECT 1 FROM jobs j JOIN effects e ON e.job = j.id
			WHERE j.subject = $1 AND e.step >= experiences.id || '/' AND e.step < experiences.id || '0')`, dream)
	return err
}

// reopenSubject takes back closeSubject when the noun's own job is tried
// again. ErrConflict means that another of its kind runs meanwhile.
func (q *Queries) reopenSubject(ctx context.Context, s stub) error {
	table, known := subjectTables[NounOf(s.Subject)]
	if !known {
		return nil
	}
	_, err := q.exec(ctx, `UPDATE `+table+` SET finished = NULL WHERE id = $1 AND job = $2`, s.Subject, s.ID)
	return err
}
