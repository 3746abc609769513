package main

import (
	"context"
	"encoding/json"
	"flag"
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

// healthOptions are the flags of `health`.
type healthOptions struct {
	asking
	live bool
}

func healthVerb() verb {
	return verb{
		name: "health", help: "say whether a process is ready, for health checks of containers",
		more: "It asks the address in DREAMLAB_ADDR or --addr, without a key. Processes without an API\n" +
			"answer --live at the address in DREAMLAB_METRICS.",
		make: func(flags *flag.FlagSet) action {
			var o healthOptions
			o.declare(flags)
			flags.BoolVar(&o.live, "live", false, "ask only whether the process is alive, not what it depends on")
			return o.run
		},
	}
}

func (o *healthOptions) run(ctx context.Context, sh shell, args []string) error {
	if err := nothing(args); err != nil {
		return err
	}
	c, err := config.LoadClient(o.options(sh))
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
	if o.live {
		return api.Alive(ctx)
	}
	found, err := api.Ready(ctx)
	if err != nil {
		return err
	}
	if o.json {
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
