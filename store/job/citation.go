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

// Cite stores the ids that a text names, so that the text is found by them without reading all
// texts of the tenant.
func Cite(ctx context.Context, tx *db.Tx, tenant, by string, sources ...string) error {
	for _, source := range sources {
		if err := tx.Add(ctx, newCitation, "", citationRow{tenant, source, by}); err != nil {
			return err
		}
	}
	return nil
}
