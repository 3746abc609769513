package job

import (
	"context"

	"dreamlab/store/db"
)

type citationRow struct {
	Tenant string `json:"x_tenant"`
	Source string `json:"x_source"`
	Cites  string `json:"x_cites"`
}

var newCitation = db.Bulk{Query: `INSERT INTO citations (tenant, source, cites)
	SELECT x_tenant, x_source, x_cites FROM {rows $1: x_tenant text, x_source text, x_cites text} WHERE TRUE
	ON CONFLICT (tenant, source, cites) DO NOTHING`}

// Cite notes what a text names, so that it is found again from there without
// reading every text of the tenant's.
func Cite(ctx context.Context, tx *db.Tx, tenant, by string, sources ...string) error {
	for _, source := range sources {
		if err := tx.Add(ctx, newCitation, "", citationRow{tenant, source, by}); err != nil {
			return err
		}
	}
	return nil
}
