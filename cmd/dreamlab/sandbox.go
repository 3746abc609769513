package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/config"
)

// fastest is the greatest number of emulated seconds in one second: a day takes under a tenth
// of a second.
const fastest = 1_000_000

func sandboxVerb() verb {
	return verb{
		name: "sandbox", help: "serve the vendors' emulators alone",
		make: func(flags *flag.FlagSet) action {
			var o boot.SandboxOptions
			flags.StringVar(&o.Addr, "addr", "127.0.0.1:8090", "`HOST:PORT` to listen on")
			flags.StringVar(&o.Dir, "data", "", "the `DIRECTORY` in which files, models and payments are kept")
			flags.Float64Var(&o.Speed, "speed", 1, "sandbox `SECONDS` that pass in one second")
			return func(ctx context.Context, sh shell, args []string) error {
				if err := nothing(args); err != nil {
					return err
				}
				if !(o.Speed >= 0 && o.Speed <= fastest) { // false for NaN, too
					return misuse("--speed is at least 0, where the clock stands still, and at most %.0f", float64(fastest))
				}
				return serveSandbox(ctx, sh, o)
			}
		},
	}
}

func serveSandbox(ctx context.Context, sh shell, o boot.SandboxOptions) error {
	known, err := boot.OpenCatalog(config.Default())
	if err != nil {
		return err
	}
	s, err := boot.OpenSandbox(ctx, o, known)
	if err != nil {
		return err
	}
	fmt.Fprintf(sh.out, "sandbox at %s: each vendor under its name, the credential of all is %q\n",
		s.URL, boot.SandboxKey)
	return errors.Join(s.Run(ctx), s.Close())
}
