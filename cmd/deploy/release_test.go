package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goreleaser/goreleaser/v2/pkg/config"
)

// TestRelease has goreleaser's own parser read its file, which builds the program as the build script does.
func TestRelease(t *testing.T) {
	t.Parallel()
	released, err := config.Load(filepath.Join("..", "..", ".goreleaser.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(released.Builds) != 1 || len(released.SBOMs) != 1 {
		t.Fatalf("%d builds, %d lists of parts", len(released.Builds), len(released.SBOMs))
	}
	script, err := os.ReadFile("build")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(script), "for packages in \\\n")
	list, _, _ = strings.Cut(list, "\ndo\n")
	want := strings.Fields(strings.ReplaceAll(list, "\\\n", " "))
	var got []string
	for _, flag := range released.Builds[0].Gcflags {
		got = append(got, strings.TrimSuffix(flag, "=-l"))
	}
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("without copies of small functions are %q, by the script %q", got, want)
	}
	ldflags := regexp.MustCompile(`-ldflags "([^"]+)"`).FindStringSubmatch(string(script))[1]
	tags := regexp.MustCompile(`-tags (\S+)`).FindStringSubmatch(string(script))[1]
	b := released.Builds[0]
	if !slices.Equal(b.Ldflags, []string{ldflags}) || strings.Join(b.Tags, ",") != tags || !slices.Contains(b.Flags, "-modfile=.build/go.mod") {
		t.Errorf("it is built with %q, %q, %q; by the script with %q, %q", b.Ldflags, b.Tags, b.Flags, ldflags, tags)
	}
}
