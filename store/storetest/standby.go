package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Pair is a PostgreSQL server and a standby that streams from it, without which it confirms no synchronous commit.
type Pair struct {
	URL              string // of both: it leads to the one that takes writes
	primary, standby cluster
}

// cluster is one server's directory, which its socket is in, too.
type cluster struct{ dir, url string }

// NewPair starts both. They end with the test.
func NewPair(t testing.TB) *Pair {
	t.Helper()
	p, err := newPair(t)
	if errors.Is(err, exec.ErrNotFound) {
		Require(t, "postgres", err)
	}
	if err != nil {
		t.Fatalf("start a primary and its standby: %v", err)
	}
	return p
}

func newPair(t testing.TB) (*Pair, error) {
	copier, copierErr := postgresProgram("pg_basebackup")
	initdb, err := postgresProgram("initdb") // the server stands beside it
	if err = errors.Join(copierErr, err); err != nil {
		return nil, err
	}
	first, err := startPostgres()
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { closed(t, first) })
	p := &Pair{primary: clusterAt(strings.TrimPrefix(first.url, urlOf("")))}
	dir, owner, err := ownDirectory("pg")
	if err != nil {
		return nil, err
	}
	p.standby = clusterAt(dir)
	backup := exec.Command(copier, "-h", p.primary.dir, "-U", "postgres", "-D", dir+"/data", "-R", "--checkpoint=fast", "--no-sync")
	backup.SysProcAttr, backup.Dir = owner, dir
	if out, err := backup.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copy the primary: %w: %s", err, out)
	}
	second, err := runPostgres(dir, owner, filepath.Join(filepath.Dir(initdb), "postgres"))
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { closed(t, second) })
	p.URL = urlOf(p.primary.dir+","+dir) + "&target_session_attrs=read-write"
	return p, p.synchronize()
}

func closed(t testing.TB, s server) {
	if err := s.pipe.Close(); err != nil {
		t.Error(err)
	}
}

func clusterAt(dir string) cluster { return cluster{dir, urlOf(dir)} }

// synchronize has the primary's commits wait for the standby, once that streams.
func (p *Pair) synchronize() error {
	err := await(p.standby.dir, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, p.primary.url)
		if err != nil {
			return err
		}
		var streams bool
		err = conn.QueryRow(ctx, "SELECT count(*) > 0 FROM pg_stat_replication WHERE state = 'streaming'").Scan(&streams)
		if err == nil && !streams {
			err = errors.New("the standby does not stream yet")
		}
		return errors.Join(err, conn.Close(ctx))
	})
	for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"} {
		if err == nil {
			err = ask(context.Background(), p.primary.url, statement)
		}
	}
	return err
}

// FailOver has the primary crash, and promotes the standby.
func (p *Pair) FailOver(t testing.TB) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.primary.dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGQUIT)
	}
	if err == nil {
		err = ask(t.Context(), p.standby.url, "SELECT pg_promote()")
	}
	if err != nil {
		t.Fatal(err)
	}
}
