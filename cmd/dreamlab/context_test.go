package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// keyed is a server that takes one key, and says its name as the id of the only dream.
func keyed(t *testing.T, name, key string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := `{"data":[],"id":"` + name + `","status":"queued"}`
		if r.Header.Get("Authorization") != "Bearer "+key {
			w.WriteHeader(http.StatusUnauthorized)
			body = `{"error":{"message":"no such key","code":"invalid_api_key"}}`
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// typed runs a verb with a text on its standard input.
func typed(t *testing.T, env map[string]string, text string, asks bool, args ...string) ran {
	t.Helper()
	out, errs := newScreen(), newScreen()
	sh := shell{in: strings.NewReader(text), out: out, errs: errs, lookup: variables(env), asks: asks}
	return ran{run(t.Context(), sh, args), out.String(), errs.String()}
}

func TestContexts(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	env := map[string]string{"HOME": home}
	first, second := keyed(t, "drm_first", "dl-1"), keyed(t, "drm_second", "dl-2")
	if got := typed(t, env, "dl-wrong\n", false, "login", first); got.code != exitKey {
		t.Errorf("a wrong key: %+v", got)
	}
	if got := invoke(t, env, "context", "list"); got.out != "NAME  URL  CURRENT\n" {
		t.Errorf("a wrong key was kept: %+v", got)
	}
	for name, at := range map[string][2]string{"one": {first, "dl-1\n"}, "two": {second, "dl-2"}} {
		if got := typed(t, env, at[1], false, "login", "--name", name, at[0]+"/"); got.code != exitOK ||
			strings.Contains(got.out+got.errs, "dl-") {
			t.Errorf("login: %+v", got)
		}
	}
	path := filepath.Join(home, ".config/dreamlab/contexts.yaml")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of keys: %v, %v", info, err)
	}
	if got := invoke(t, env, "context", "use", "one"); got.code != exitOK {
		t.Errorf("use: %+v", got)
	}
	if got := invoke(t, env, "context", "list"); !strings.Contains(got.out, first+"  yes\n") || strings.Contains(got.out, "dl-") {
		t.Errorf("list: %+v", got)
	}
	chosen := func(want string, more map[string]string, args ...string) {
		t.Helper()
		all := map[string]string{"HOME": home}
		for name, value := range more {
			all[name] = value
		}
		if got := invoke(t, all, append([]string{"dream"}, args...)...); !strings.HasPrefix(got.out, want) {
			t.Errorf("%v %v: %+v", more, args, got)
		}
	}
	chosen("drm_first", nil)
	chosen("drm_second", nil, "--context", "two")
	chosen("drm_second", map[string]string{"DREAMLAB_CONTEXT": "two"})
	chosen("drm_first", map[string]string{"DREAMLAB_CONTEXT": "two"}, "--context", "one")
	chosen("drm_second", map[string]string{"DREAMLAB_URL": second, "DREAMLAB_KEY": "dl-2"})
	for _, args := range [][]string{{"context", "use", "three"}, {"dream", "--context", "three"}, {"login", "localhost:8080"}} {
		if got := invoke(t, env, args...); got.code != exitUsage {
			t.Errorf("%v: %+v", args, got)
		}
	}
	if got := invoke(t, env, "context", "remove", "one"); got.code != exitOK {
		t.Errorf("remove: %+v", got)
	}
	if got := invoke(t, env, "context", "list", "-o", "csv"); got.out != "name,url,current\ntwo,"+second+",\n" {
		t.Errorf("list: %+v", got)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := invoke(t, env, "context", "list"); got.code != exitUsage || !strings.Contains(got.errs, "chmod 600") {
		t.Errorf("a file that others may read: %+v", got)
	}
}

func TestConfirmation(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DREAMLAB_DATA": t.TempDir()}
	if got := invoke(t, env, "migrate"); got.code != exitOK {
		t.Fatalf("migrate: %+v", got)
	}
	back := []string{"migrate", "--to", "0"}
	if got := typed(t, env, "", false, back...); got.code != exitUsage || !strings.Contains(got.errs, "--yes") {
		t.Errorf("where nobody can be asked: %+v", got)
	}
	for _, answer := range []string{"n\n", "\n", "", "yesterday\n"} {
		if got := typed(t, env, answer, true, back...); got.code != exitFailed || !strings.Contains(got.errs, "nothing was changed") {
			t.Errorf("answered %q: %+v", answer, got)
		}
	}
	if got := typed(t, env, "y\n", true, back...); got.code != exitOK || !strings.HasPrefix(got.out, "schema at version 0 of") {
		t.Errorf("answered yes: %+v", got)
	}
	invoke(t, env, "migrate")
	if got := typed(t, env, "", false, append(back, "--yes")...); got.code != exitOK {
		t.Errorf("--yes: %+v", got)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if got := invoke(t, nil, "completion", shell); got.code != exitOK || !strings.Contains(got.out, "dreamlab __complete --") {
			t.Errorf("%s: %+v", shell, got)
		}
	}
	if got := invoke(t, nil, "completion", "tcsh"); got.code != exitUsage || !strings.Contains(got.errs, "bash, zsh, fish") {
		t.Errorf("an unknown shell: %+v", got)
	}
	got := invoke(t, nil, "__complete", "--", "key", "create", "--scope", "")
	if want := "view\t\nuse\t\nreview\t\nadmin\t\n"; got.out != want {
		t.Errorf("values: %+v", got)
	}
	if got := invoke(t, nil, "__complete", "--", "mig"); !strings.HasPrefix(got.out, "migrate\tbring the") {
		t.Errorf("verbs: %+v", got)
	}
	if got := invoke(t, nil, "man"); got.code != exitOK || !strings.HasPrefix(got.out, ".TH DREAMLAB 1\n") {
		t.Errorf("man: %+v", got)
	}
}
