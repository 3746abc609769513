package deploy

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// TestCompose has docker compose's own loader read the file, and holds that what is
// ours is bounded, cannot write, and tells whether it works.
func TestCompose(t *testing.T) {
	t.Parallel()
	for _, profile := range []string{"", "observability"} {
		options, err := cli.NewProjectOptions([]string{filepath.Join("..", "..", "docker-compose.yml")},
			cli.WithProfiles([]string{profile}), cli.WithName("dreamlab"))
		if err != nil {
			t.Fatal(err)
		}
		project, err := options.LoadProject(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for name, service := range project.Services {
			if service.MemLimit == 0 {
				t.Errorf("%s: its memory has no limit", name)
			}
			if service.Image == "dreamlab" && (!service.ReadOnly || len(service.CapDrop) == 0) {
				t.Errorf("%s: it may write to its file system, or has capabilities", name)
			}
		}
		for _, name := range []string{"api", "worker", "scheduler"} {
			if check := project.Services[name].HealthCheck; check == nil || check.Test[1] != "dreamlab" {
				t.Errorf("%s: it has no health check", name)
			}
		}
	}
}

// TestDockerfile has BuildKit's parser read the file.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	file, err := os.Open(filepath.Join("..", "..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	parsed, err := parser.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 || len(parsed.Warnings) > 0 {
		t.Errorf("%d stages, warnings: %v", len(stages), parsed.Warnings)
	}
}
