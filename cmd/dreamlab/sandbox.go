package main

import (
	"context"
	"errors"
	"fmt"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/config"
)

// fastest is the greatest number of emulated seconds in one second: a day takes under a tenth
// of a second.
const fastest = 1_000_000

// sandboxVerb serves the vendors' emulators.
type sandboxVerb struct {
	Addr  string  `default:"127.0.0.1:8090" placeholder:"HOST:PORT" help:"HOST:PORT to listen on"`
	Data  string  `placeholder:"DIRECTORY" help:"the DIRECTORY in which files, models and payments are kept"`
	Speed float64 `default:"1" placeholder:"SECONDS" help:"sandbox SECONDS that pass in one second"`
}

// Validate refuses speeds that no clock has.
func (v *sandboxVerb) Validate() error {
	if !(v.Speed >= 0 && v.Speed <= fastest) { // false for NaN, too
		return fmt.Errorf("--speed is at least 0, where the clock stands still, and at most %.0f", float64(fastest))
	}
	return nil
}

// Run serves them until it is stopped.
func (v *sandboxVerb) Run(ctx context.Context, sh shell) error {
	known, err := boot.OpenCatalog(config.Default())
	if err != nil {
		return err
	}
	s, err := boot.OpenSandbox(ctx, boot.SandboxOptions{Addr: v.Addr, Dir: v.Data, Speed: v.Speed}, known)
	if err != nil {
		return err
	}
	fmt.Fprintf(sh.out, "sandbox at %s: each vendor under its name, the credential of all is %q\n",
		s.URL, boot.SandboxKey)
	return errors.Join(s.Run(ctx), s.Close())
}
