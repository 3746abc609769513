package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	startWait = 30 * time.Second
	startPoll = 20 * time.Millisecond // a server does not announce that it is up
)

// Require ends the test because a program is missing: it skips it, or fails it
// where DREAMLAB_REQUIRE (names with commas between) lists the name.
func Require(t testing.TB, name string, err error) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("DREAMLAB_REQUIRE"), ","), name) {
		t.Fatalf("%s is required here: %v", name, err)
	}
	t.Skipf("%s is not installed: %v", name, err)
}

// server is a private server. It runs for as long as its pipe is open.
type server struct {
	url  string
	pipe io.Closer
}

// postgresServer starts one server for all tests of a program.
var postgresServer = sync.OnceValues(startPostgres)

// Postgres returns the URL of an empty schema on a private PostgreSQL server,
// dropped when the test ends. The server ends with the test program.
func Postgres(t testing.TB) string {
	t.Helper()
	private, err := postgresServer()
	if errors.Is(err, exec.ErrNotFound) {
		Require(t, "postgres", err)
	}
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	schema := "test_" + strings.ToLower(rand.Text())
	run := func(statement string) {
		if err := ask(context.Background(), private.url, statement); err != nil {
			t.Fatal(err)
		}
	}
	run("CREATE SCHEMA " + schema)
	t.Cleanup(func() { run("DROP SCHEMA " + schema + " CASCADE") })
	return private.url + "&search_path=" + schema
}

// StartPostgres starts a private PostgreSQL server for a program that is no
// test, and returns its URL. It ends when it is closed, or with the program.
func StartPostgres() (url string, closer io.Closer, err error) {
	private, err := startPostgres()
	return private.url, private.pipe, err
}

// ask runs a statement on a connection of its own.
func ask(ctx context.Context, url, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// startPostgres makes a cluster that is reached by a socket in its own folder.
// Its texts sort by the rules of a language, as those of most installations do:
// a query that counts on the order of bytes is found out.
func startPostgres() (server, error) {
	initdb, err := postgresProgram("initdb")
	if err != nil {
		return server{}, err
	}
	dir, owner, err := ownDirectory("pg")
	if err != nil {
		return server{}, err
	}
	setup := exec.Command(initdb, "-D", dir+"/data", "-U", "postgres", "-A", "trust", "-E", "UTF8",
		"--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--no-sync")
	setup.SysProcAttr, setup.Dir = owner, dir
	if out, err := setup.CombinedOutput(); err != nil {
		return server{}, fmt.Errorf("initdb: %w: %s", err, out)
	}
	return runPostgres(dir, owner, filepath.Join(filepath.Dir(initdb), "postgres"))
}

// urlOf leads to servers by the directories of their sockets.
func urlOf(dirs string) string { return "postgres:///postgres?user=postgres&host=" + dirs }

// runPostgres starts the server of a cluster, and waits until it answers.
func runPostgres(dir string, owner *syscall.SysProcAttr, program string) (server, error) {
	pipe, err := outlive(dir, owner, program, "-D", dir+"/data", "-k", dir, "-c", "listen_addresses=",
		"-c", "max_connections=200", "-c", "shared_buffers=64MB")
	if err != nil {
		return server{}, err
	}
	url := urlOf(dir)
	return server{url, pipe}, await(dir, func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
}

// postgresProgram finds a program in the path, or where Debian keeps it.
func postgresProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
	}
	return found[len(found)-1], nil
}

// ownDirectory makes a temporary directory for a server, and returns the user to
// run it: PostgreSQL refuses root, so there it is the user postgres.
func ownDirectory(prefix string) (string, *syscall.SysProcAttr, error) {
	dir, err := os.MkdirTemp("", "dreamlab-"+prefix)
	if err != nil || os.Getuid() != 0 {
		return dir, nil, err
	}
	owner, err := user.Lookup("postgres")
	if err != nil {
		return "", nil, err
	}
	uid, uidErr := strconv.ParseUint(owner.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(owner.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr, os.Chown(dir, int(uid), int(gid))); err != nil {
		return "", nil, err
	}
	credential := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), NoSetGroups: true}
	return dir, &syscall.SysProcAttr{Credential: credential}, nil
}

// outlive starts a server that ends, with its directory, when this program
// does, however that comes about: a shell beside it waits for the end of a pipe
// that this program holds, and must keep from being collected.
func outlive(dir string, owner *syscall.SysProcAttr, program string, args ...string) (io.Closer, error) {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	const script = `dir=$1; shift; "$@" </dev/null & cat >/dev/null; kill -INT $!; wait; rm -rf "$dir"`
	keeper := exec.Command("sh", append([]string{"-c", script, "keeper", dir, program}, args...)...)
	attr := syscall.SysProcAttr{}
	if owner != nil {
		attr = *owner
	}
	attr.Setpgid = true // an interrupt at the terminal is for the tests
	keeper.SysProcAttr, keeper.Dir, keeper.Stdout, keeper.Stderr = &attr, dir, log, log
	pipe, err := keeper.StdinPipe()
	if err != nil {
		return nil, err
	}
	return pipe, keeper.Start()
}

// await asks a server until it answers.
func await(dir string, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), startWait)
	defer cancel()
	poll := time.NewTicker(startPoll)
	defer poll.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			log, logErr := os.ReadFile(filepath.Join(dir, "log"))
			if errors.Is(logErr, fs.ErrNotExist) {
				logErr = nil
			}
			return errors.Join(fmt.Errorf("no answer: %w: %s", err, log), logErr)
		}
	}
}
