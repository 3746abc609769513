package boot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dreamlab/cmd/internal/config"
	"dreamlab/providers/catalog"
	"dreamlab/store/storetest"
)

// TestExamineLives has models that end soon, have ended, and are gone.
func TestExamineLives(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	file := filepath.Join(t.TempDir(), "own.yaml")
	rows := `vendor: groq
models:
  - {id: soon, shutdown: 2026-12-20, replacement: fine}
  - {id: fine, shutdown: 2027-06-01}
  - {id: over, shutdown: 2026-11-01, replacement: fine}
  - {id: gone, gone: 2026-11-20, replacement: fine}
  - {id: lone, gone: 2026-11-20}
`
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	for lead, want := range map[string]struct{ detail, fault string }{
		"groq/fine": {"groq/soon is shut down on 2026-12-20: use groq/fine", ""},
		"groq/soon": {"groq/soon is shut down on 2026-12-20: use groq/fine", ""},
		"groq/over": {"", "groq/over is no longer served: use groq/fine"},
		"groq/gone": {"groq/gone is gone, as its vendor says since 2026-11-20: groq/fine answers", ""},
		"groq/lone": {"", "groq/lone is gone"},
	} {
		c := config.Default()
		c.Data, c.Catalog, c.Team.Lead = t.TempDir(), config.Names{file}, lead
		detail, err := examineLives(t.Context(), c, now)
		if want.fault == "" && (err != nil || strings.Count(detail, want.detail) != 1) {
			t.Errorf("%s: %q, %v", lead, detail, err)
		}
		if want.fault != "" && (err == nil || !strings.Contains(err.Error(), want.fault)) {
			t.Errorf("%s: %v, want %q", lead, err, want.fault)
		}
	}
}

// TestExamineHearsOfGone has a running process report a model that doctor then tells of.
func TestExamineHearsOfGone(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Data, c.Redis = t.TempDir(), storetest.Redis(t)
	provider, id, _ := strings.Cut(c.Team.Lead, "/")
	gone := []catalog.Model{{Provider: provider, ID: id}}
	if err := ReportGone(t.Context(), c, gone, time.Now()); err != nil {
		t.Fatal(err)
	}
	if f := found(t, c, "models"); f.OK || !strings.Contains(f.Detail, c.Team.Lead+" is gone") {
		t.Errorf("%+v", f)
	}
}
