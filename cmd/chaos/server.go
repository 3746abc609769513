package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

const (
	startWait = 30 * time.Second
	startPoll = 50 * time.Millisecond // a server does not announce that it is up
)

// server is a private server behind a proxy. One fault at a time may lock it.
type server struct {
	command command
	url     string // without the proxy
	proxied string // the URL that the fleet uses
	proxy   *proxy
	ready   func(ctx context.Context) error

	hold    sync.Mutex
	current *child
}

// open starts the server and its proxy.
func (s *server) open(ctx context.Context, addr string) (err error) {
	if err := s.up(ctx); err != nil {
		return err
	}
	s.proxy, err = openProxy(ctx, addr)
	return err
}

func (s *server) up(ctx context.Context) (err error) {
	if s.current, err = start(s.command); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	for {
		if err = s.ready(ctx); err == nil {
			return nil
		}
		if !pause(ctx, startPoll) {
			return fmt.Errorf("%s does not answer (its log is %s): %w", s.command.name, s.command.log, err)
		}
	}
}

// restart kills the server and starts it again.
func (s *server) restart(ctx context.Context, how syscall.Signal) error {
	if err := s.current.end(how, stopPatience); err != nil {
		return err
	}
	return s.up(context.WithoutCancel(ctx))
}

func (s *server) close() error {
	var err error
	if s.proxy != nil {
		err = s.proxy.close()
	}
	if s.current == nil {
		return err
	}
	return errors.Join(err, s.current.end(syscall.SIGINT, stopPatience))
}

// newRedis describes a Redis that stores nothing: a restart loses everything.
func newRedis(ctx context.Context, dir string) (*server, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("install redis-server: %w", err)
	}
	addr, port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{url: "redis://" + addr, command: command{name: "redis", log: filepath.Join(dir, "redis.log"),
		args: []string{program, "--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no"}}}
	s.ready = func(ctx context.Context) error {
		client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DialerRetries: 1})
		return errors.Join(client.Ping(ctx).Err(), client.Close())
	}
	if err := s.open(ctx, addr); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.proxied = "redis://" + s.proxy.addr() + "/0"
	return s, nil
}

// newPostgres makes a cluster in a directory of its own.
func newPostgres(ctx context.Context, dir string) (*server, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, lookErr := exec.LookPath("initdb"); lookErr == nil {
		found = append(found, path)
	}
	if err != nil || len(found) == 0 {
		return nil, errors.Join(errors.New("install PostgreSQL: initdb was not found"), err)
	}
	data, owner, err := ownDirectory(dir)
	if err != nil {
		return nil, err
	}
	initdb := found[len(found)-1]
	setup := exec.CommandContext(ctx, initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
	setup.SysProcAttr, setup.Dir = &syscall.SysProcAttr{Credential: owner}, filepath.Dir(data)
	if out, err := setup.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	addr, port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{url: postgresURL(addr), command: command{name: "postgres", log: filepath.Join(dir, "postgres.log"),
		as: owner, args: []string{filepath.Join(filepath.Dir(initdb), "postgres"), "-D", data, "-k", filepath.Dir(data),
			"-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=300", "-c", "shared_buffers=64MB",
			// No other process flushes soon what was committed without waiting for the disk.
			"-c", "wal_writer_delay=10s", "-c", "wal_writer_flush_after=1GB", "-c", "wal_buffers=64MB"}}}
	s.ready = func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, s.url)
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	}
	if err := s.open(ctx, addr); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.proxied = postgresURL(s.proxy.addr())
	return s, nil
}

func postgresURL(addr string) string {
	return "postgres://postgres@" + addr + "/postgres?sslmode=disable"
}

// ownDirectory makes a directory in which PostgreSQL's user may write, and returns that user:
// PostgreSQL refuses to run as root, so there it runs as the user postgres.
func ownDirectory(dir string) (string, *syscall.Credential, error) {
	base := filepath.Join(dir, "pg")
	if err := os.Mkdir(base, 0o755); err != nil {
		return "", nil, err
	}
	data := filepath.Join(base, "data")
	if os.Getuid() != 0 {
		return data, nil, nil
	}
	owner, err := user.Lookup("postgres")
	if err != nil {
		return "", nil, err
	}
	uid, uidErr := strconv.ParseUint(owner.Uid, 10, 32)
	gid, gidErr := strconv.ParseUint(owner.Gid, 10, 32)
	if err := errors.Join(uidErr, gidErr, os.Chown(base, int(uid), int(gid))); err != nil {
		return "", nil, err
	}
	return data, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), NoSetGroups: true}, nil
}

// freePort finds a port of the loopback that is not in use now.
func freePort(ctx context.Context) (addr, port string, err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", fmt.Errorf("find a free port: %w", err)
	}
	addr = listener.Addr().String()
	if err := listener.Close(); err != nil {
		return "", "", fmt.Errorf("find a free port: %w", err)
	}
	_, port, err = net.SplitHostPort(addr)
	return addr, port, err
}
