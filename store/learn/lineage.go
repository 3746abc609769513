package learn

import (
	"context"

	"dreamlab/store/db"
)

// Link is one step of lineage: From had a part in To.
type Link struct {
	From string
	To   string
	Kind string // the step, in a word: recorded, dreamt, taught, cited, froze, trained, made, judged, serves
}

// lineage holds, for each noun, the queries that find what a thing came from
// (its id is the link's To) and what came of it (its id is the link's From).
// Each takes tenant, id and a limit.
var lineage = map[string][]string{
	"conv_": {`SELECT conversation, id, 'recorded' FROM experiences WHERE tenant = $1 AND conversation = $2
		LIMIT $3`},
	"job_": {
		`SELECT job, id, 'recorded' FROM experiences WHERE tenant = $1 AND job = $2 LIMIT $3`,
		`SELECT job, id, 'ran' FROM dreams WHERE tenant = $1 AND job = $2 LIMIT $3`,
		`SELECT job, id, 'ran' FROM tunes WHERE tenant = $1 AND job = $2 LIMIT $3`,
	},
	"exp_": {
		`SELECT conversation, id, 'recorded' FROM experiences WHERE tenant = $1 AND id = $2 LIMIT $3`,
		`SELECT id, dream, 'dreamt' FROM experiences WHERE tenant = $1 AND id = $2 AND dream IS NOT NULL LIMIT $3`,
		`SELECT experience, id, 'taught' FROM examples WHERE tenant = $1 AND experience = $2 LIMIT $3`,
		`SELECT $2, id, 'cited' FROM reflections WHERE tenant = $1 AND sources LIKE '%' || $2 || '%' LIMIT $3`,
	},
	"drm_": {
		`SELECT id, dream, 'dreamt' FROM experiences WHERE tenant = $1 AND dream = $2 ORDER BY id LIMIT $3`,
		`SELECT dream, id, 'learned' FROM reflections WHERE tenant = $1 AND dream = $2 ORDER BY id LIMIT $3`,
		`SELECT dream, id, 'taught' FROM examples WHERE tenant = $1 AND dream = $2 ORDER BY id LIMIT $3`,
		`SELECT dream, id, 'wrote' FROM memories WHERE tenant = $1 AND dream = $2 LIMIT $3`,
	},
	"rfl_": {`SELECT dream, id, 'learned' FROM reflections WHERE tenant = $1 AND id = $2 LIMIT $3`},
	"mem_": {`SELECT dream, id, 'wrote' FROM memories WHERE tenant = $1 AND id = $2 LIMIT $3`},
	"exm_": {
		`SELECT experience, id, 'taught' FROM examples WHERE tenant = $1 AND id = $2 LIMIT $3`,
		`SELECT dream, id, 'taught' FROM examples WHERE tenant = $1 AND id = $2 LIMIT $3`,
		`SELECT x.example, x.dataset, 'froze' FROM dataset_examples x JOIN datasets d ON d.id = x.dataset
			WHERE d.tenant = $1 AND x.example = $2 LIMIT $3`,
	},
	"ds_": {
		`SELECT x.example, x.dataset, 'froze' FROM dataset_examples x JOIN datasets d ON d.id = x.dataset
			WHERE d.tenant = $1 AND x.dataset = $2 ORDER BY x.example LIMIT $3`,
		`SELECT dataset, id, 'tuned' FROM tunes WHERE tenant = $1 AND dataset = $2 LIMIT $3`,
	},
	"tun_": {
		`SELECT dataset, id, 'tuned' FROM tunes WHERE tenant = $1 AND id = $2 AND dataset IS NOT NULL LIMIT $3`,
		`SELECT id, training, 'trained' FROM tunes WHERE tenant = $1 AND id = $2 AND training IS NOT NULL
			LIMIT $3`,
		`SELECT tune, id, 'judged' FROM evaluations WHERE tenant = $1 AND tune = $2 LIMIT $3`,
		`SELECT tune, name, 'made' FROM models WHERE tenant = $1 AND tune = $2 LIMIT $3`,
	},
	"ftjob-": {
		`SELECT file, id, 'trained' FROM trainings WHERE tenant = $1 AND id = $2 AND file IS NOT NULL LIMIT $3`,
		`SELECT tune, id, 'trained' FROM trainings WHERE tenant = $1 AND id = $2 AND tune IS NOT NULL LIMIT $3`,
		`SELECT training, name, 'made' FROM models WHERE tenant = $1 AND training = $2 LIMIT $3`,
	},
	"evl_": {
		`SELECT tune, id, 'judged' FROM evaluations WHERE tenant = $1 AND id = $2 AND tune IS NOT NULL LIMIT $3`,
		`SELECT candidate, id, 'examined' FROM evaluations WHERE tenant = $1 AND id = $2 LIMIT $3`,
	},
	"file-": {`SELECT file, id, 'trained' FROM trainings WHERE tenant = $1 AND file = $2 LIMIT $3`},
	// A model's name has no prefix of ours.
	"": {
		`SELECT tune, name, 'made' FROM models WHERE tenant = $1 AND name = $2 AND tune IS NOT NULL LIMIT $3`,
		`SELECT training, name, 'made' FROM models WHERE tenant = $1 AND name = $2 AND training IS NOT NULL
			LIMIT $3`,
		`SELECT candidate, id, 'examined' FROM evaluations WHERE tenant = $1 AND candidate = $2 LIMIT $3`,
		`SELECT model, id, 'answered' FROM experiences WHERE tenant = $1 AND provider || '/' || model = $2
			ORDER BY id DESC LIMIT $3`,
	},
}

// Links returns the steps of lineage that touch a thing, both ways, at most
// limit of each sort.
func (q *Queries) Links(ctx context.Context, tenant, id string, limit int) ([]Link, error) {
	queries, ok := lineage[db.NounOf(id)]
	if !ok {
		queries = lineage[""]
	}
	var links []Link
	for _, query := range queries {
		err := q.Each(ctx, query, []any{tenant, id, int64(limit)}, func(r db.Rows) error {
			var l Link
			err := r.Scan(&l.From, &l.To, &l.Kind)
			links = append(links, l)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return links, nil
}
