package config

import (
	"strings"
	"testing"
)

// TestSplitPasswords refuses URLs whose user and password end too early, and shows
// no part of them.
func TestSplitPasswords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ variable, url string }{
		{"DATABASE_URL", "postgres://app:s3cretA/s3cretB@host/db"}, {"DATABASE_URL", "postgres://app:12#s3cretB@host/db"},
		{"DATABASE_URL", "postgres://app:x@s3cretA/s3cretB@host/db"}, {"DATABASE_URL", "postgres://app:s3cretA?s3cretB@host/db"},
		{"DATABASE_URL", "postgres://app:s3cretA%s3cretB@host/db"}, {"DATABASE_URL", "s3cretA"},
		{"REDIS_URL", "redis://app:12#s3cretB@host"}, {"REDIS_URL", "redis://:s3cretA/s3cretB@host:6379"},
	} {
		_, err := Load(Options{Lookup: func(name string) (string, bool) {
			if name == c.variable {
				return c.url, true
			}
			return "", false
		}})
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), c.variable) {
			t.Errorf("%s: %v", c.url, err)
		}
	}
	for _, fine := range []string{
		"postgres://app:p%40ss%2Fw@host/db?search_path=dl", "postgres://postgres@/postgres?host=%2Ftmp&port=5432",
		"postgres://postgres@127.0.0.1:1,127.0.0.1:2/postgres",
	} {
		_, err := Load(Options{Lookup: func(name string) (string, bool) { return fine, name == "DATABASE_URL" }})
		if err != nil {
			t.Errorf("%s: %v", fine, err)
		}
	}
	if got := redactURL("postgres://app:s3cret%@host/db"); strings.Contains(got, "s3cret") {
		t.Errorf("shown as %s", got)
	}
}

// TestLoadClient reads what a client needs, whatever else is wrong.
func TestLoadClient(t *testing.T) {
	t.Parallel()
	values := map[string]string{"DREAMLAB_ADDR": "127.0.0.1:9", "GROQ_BASE_URL": "half", "DATABASE_URL": "nonsense"}
	c, err := LoadClient(Options{
		Flags:  map[string]string{"data": "elsewhere"},
		Lookup: func(name string) (string, bool) { value, set := values[name]; return value, set },
	})
	if err != nil || c.Addr != "127.0.0.1:9" || c.Data != "elsewhere" {
		t.Errorf("got %+v, %v", c, err)
	}
	if _, err := LoadClient(Options{File: t.TempDir() + "/none.yaml"}); err == nil {
		t.Error("a file that was named and is missing was not told")
	}
}
