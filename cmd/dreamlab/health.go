package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"dreamlab/cmd/internal/client"
	"dreamlab/cmd/internal/config"
)

// healthTimeout bounds a health check: orchestrators ask every few seconds.
const healthTimeout = 5 * time.Second

// healthVerb asks a process whether it is ready.
type healthVerb struct {
	settings
	address
	printing
	Live bool `help:"ask only whether the process is alive, not what it depends on"`
}

// Help tells which address is asked.
func (*healthVerb) Help() string {
	return "It asks the address in DREAMLAB_ADDR or --addr, without a key. Processes without an API\n" +
		"answer --live at the address in DREAMLAB_METRICS."
}

// Run asks, and waits for a few seconds at most.
func (v *healthVerb) Run(ctx context.Context, sh shell) error {
	c, err := config.LoadClient(v.options(sh, v.address))
	if err != nil {
		return err
	}
	address, err := reachable(c.Addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	api := client.New("http://"+address, "")
	if v.Live {
		return api.Alive(ctx)
	}
	found, err := api.Ready(ctx)
	if err != nil {
		return err
	}
	if v.asJSON() {
		return json.NewEncoder(sh.out).Encode(found)
	}
	for _, name := range slices.Sorted(maps.Keys(found.Dependencies)) {
		fmt.Fprintf(sh.out, "%s: %s\n", name, found.Dependencies[name].State)
	}
	return nil
}

// reachable returns the address at which a server that listens everywhere is
// found from the same machine.
func reachable(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", misuse("the address %q has to be HOST:PORT", address)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}
