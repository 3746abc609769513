package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/config"
)

// fastest is how many seconds may pass in the sandbox in one: a day in under a tenth.
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
				if !(o.Speed >= 0 && o.Speed <= fastest) { // which NaN is not, either
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
	fmt.Fprintf(sh.out, "sandbox at %s: the vendors under their names, the credential is %q everywhere\n",
		s.URL, boot.SandboxKey)
	return errors.Join(s.Run(ctx), s.Close())
}
