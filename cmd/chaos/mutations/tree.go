package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// tree is a copy of the module in a temporary folder.
type tree struct{ dir string }

// copyTree copies the module with the given root, without hidden files.
func copyTree(root string) (t tree, err error) {
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		return t, fmt.Errorf("run this in the module's root: %w", err)
	}
	if t.dir, err = os.MkdirTemp("", "dreamlab-mutations-"); err != nil {
		return t, err
	}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != root && strings.HasPrefix(entry.Name(), ".") && entry.IsDir():
			return filepath.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		return t.add(root, path)
	})
	if err != nil {
		return t, errors.Join(fmt.Errorf("copy the tree: %w", err), t.remove())
	}
	return t, nil
}

func (t tree) add(root, path string) error {
	name, err := filepath.Rel(root, path)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	to := filepath.Join(t.dir, name)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}

func (t tree) remove() error { return os.RemoveAll(t.dir) }

// healthy runs the tests of all mutations on the unchanged tree: a test that fails there proves
// nothing.
func (t tree) healthy(ctx context.Context, all []mutation) error {
	var done []string
	for _, m := range all {
		if m.seed != 0 || slices.Contains(done, m.by()) {
			continue
		}
		done = append(done, m.by())
		if out, err := t.command(ctx, m).CombinedOutput(); err != nil {
			return fmt.Errorf("%s fails without a mutation: %w\n%s", m.by(), err, out)
		}
	}
	return nil
}

// try makes a mutation, runs its test, and undoes the mutation. It returns what failed, "" if
// nothing did.
func (t tree) try(ctx context.Context, m mutation) (catch string, err error) {
	path := filepath.Join(t.dir, filepath.FromSlash(m.file))
	whole, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	broken, err := m.apply(string(whole))
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, []byte(broken), 0o644); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.WriteFile(path, whole, 0o644)) }()
	out, err := t.command(ctx, m).CombinedOutput()
	if err == nil {
		return "", nil
	}
	if catch = failures(string(out)); catch == "" {
		return "", fmt.Errorf("%s fails, and by no test: %w\n%s", m.by(), err, out)
	}
	return catch, nil
}

func (t tree) command(ctx context.Context, m mutation) *exec.Cmd {
	args := append([]string{"test", "-count=1"}, m.test...)
	if m.seed != 0 {
		args = []string{"run", "./cmd/chaos", "--seed", strconv.FormatUint(m.seed, 10)}
	}
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = t.dir
	return command
}

// A failed test, a broken invariant, and a run of chaos whose work did not end.
var failed = regexp.MustCompile(`(?m)^--- FAIL: (\S+)|^(I\d+[ a-z]*) broken by|^chaos: .*(there is still)`)

// failures names the first few things that failed.
func failures(out string) string {
	var names []string
	for _, found := range failed.FindAllStringSubmatch(out, -1) {
		name := strings.Join(found[1:], "")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	const shown = 4
	if len(names) > shown {
		names = append(names[:shown], "…")
	}
	return strings.Join(names, ", ")
}
