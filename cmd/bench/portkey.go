package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"dreamlab/cmd/internal/load"
)

const (
	gatewayUp   = 30 * time.Second
	gatewayPoll = 50 * time.Millisecond // it tells nobody that it is up
	chatClients = 32
	warmUp      = 200
)

// portkey measures Portkey's gateway in front of the loads' vendor.
func portkey(p plan) side {
	return func(ctx context.Context) (rate float64, err error) {
		vendor, stop := load.Vendor()
		defer func() { err = errors.Join(err, stop()) }()
		ctx, cancel := context.WithCancel(ctx)
		url, wait, err := startPortkey(ctx, p.portkey)
		if err != nil {
			cancel()
			return 0, err
		}
		defer wait()
		defer cancel()
		header := http.Header{
			"X-Portkey-Provider": {"openai"}, "X-Portkey-Custom-Host": {vendor}, "Authorization": {"Bearer sk-bench"},
		}
		if _, err := load.Chats(ctx, url, header, warmUp, chatClients); err != nil {
			return 0, err
		}
		return load.Chats(ctx, url, header, p.jobs, chatClients)
	}
}

// startPortkey starts the gateway on a free port; it ends with ctx, and wait
// returns when it has.
func startPortkey(ctx context.Context, dir string) (url string, wait func(), err error) {
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	program := filepath.Join(dir, "node_modules", "@portkey-ai", "gateway", "build", "start-server.js")
	gateway := exec.CommandContext(ctx, "node", program, "--headless", "--port="+strconv.Itoa(port))
	gateway.Env = append(os.Environ(), "NODE_ENV=production", "TRUSTED_CUSTOM_HOSTS=127.0.0.1,localhost")
	if err := gateway.Start(); err != nil {
		return "", nil, fmt.Errorf("start Portkey's gateway: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- gateway.Wait() }()
	wait = func() { <-ended }
	address := "127.0.0.1:" + strconv.Itoa(port)
	if err := await(ctx, address, ended); err != nil {
		return "", nil, err
	}
	return "http://" + address + "/v1/chat/completions", wait, nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}

// await asks the gateway until it listens.
func await(ctx context.Context, address string, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, gatewayUp)
	defer cancel()
	poll := time.NewTicker(gatewayPoll)
	defer poll.Stop()
	for {
		select {
		case err := <-ended:
			return fmt.Errorf("Portkey's gateway ended: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("wait for Portkey's gateway: %w", ctx.Err())
		case <-poll.C:
		}
		conn, err := net.DialTimeout("tcp", address, gatewayPoll)
		if err == nil {
			return conn.Close()
		}
	}
}
