package store

import "context"

// ForgetJob clears what an ended job was asked and answered: "store": false,
// once delivered. Its row, its entries and their money stay.
func (q *Queries) ForgetJob(ctx context.Context, job string) error {
	_, err := q.exec(ctx, `UPDATE jobs SET input = '{}', result = NULL WHERE id = $1 AND finished IS NOT NULL`, job)
	if err != nil {
		return err
	}
	return q.ClearEffects(ctx, job)
}
