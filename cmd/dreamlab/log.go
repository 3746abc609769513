package main

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
)

// newLog writes JSON lines, or lines for the eye where a terminal reads them.
// The level is one that the configuration has checked.
func newLog(w io.Writer, level string) zerolog.Logger {
	if file, is := w.(*os.File); is && isatty.IsTerminal(file.Fd()) {
		w = zerolog.ConsoleWriter{Out: file, TimeFormat: "15:04:05"}
	}
	parsed, err := zerolog.ParseLevel(level)
	if err != nil {
		parsed = zerolog.InfoLevel
	}
	return zerolog.New(zerolog.SyncWriter(w)).Level(parsed).With().Timestamp().Logger()
}
