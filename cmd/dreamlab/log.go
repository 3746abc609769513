package main

import (
	"context"
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

// clientLog puts what the Redis client says of its connections, which it writes
// as plain lines otherwise, where everything else is said.
type clientLog struct{ log zerolog.Logger }

// Printf writes a line.
func (l clientLog) Printf(_ context.Context, format string, values ...any) {
	l.log.Warn().Str("part", "redis").Msgf(format, values...)
}
