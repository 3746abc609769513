package main

import (
	"context"
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
)

// newLog writes JSON lines, or readable lines to a terminal. The configuration has checked the
// level.
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

// clientLog passes the messages of the Redis client about its connections, which the client
// would write as plain lines, to our log.
type clientLog struct{ log zerolog.Logger }

// Printf writes a line.
func (l clientLog) Printf(_ context.Context, format string, values ...any) {
	l.log.Warn().Str("part", "redis").Msgf(format, values...)
}
