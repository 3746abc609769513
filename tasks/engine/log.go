package engine

import (
	"fmt"
	"io"
	"strings"

	"github.com/hibiken/asynq"
	"github.com/rs/zerolog"
)

// asynqLog hands Asynq's words on to ours.
type asynqLog struct{ log zerolog.Logger }

func newAsynqLog(log zerolog.Logger) asynq.Logger {
	return asynqLog{log.With().Str("part", "asynq").Logger()}
}

// Debug logs at debug level.
func (l asynqLog) Debug(args ...any) { l.log.Debug().Msg(fmt.Sprint(args...)) }

// Info logs at debug level: Asynq tells of each start and stop.
func (l asynqLog) Info(args ...any) { l.log.Debug().Msg(fmt.Sprint(args...)) }

// Warn logs at warning level.
func (l asynqLog) Warn(args ...any) { l.log.Warn().Msg(fmt.Sprint(args...)) }

// Error logs at error level, but for what Asynq says at each stop about a
// client that is shared on purpose.
func (l asynqLog) Error(args ...any) {
	text := fmt.Sprint(args...)
	if strings.Contains(text, "redis connection is shared") {
		return
	}
	l.log.Error().Msg(text)
}

// Fatal logs at error level: a library does not end the process.
func (l asynqLog) Fatal(args ...any) { l.log.Error().Msg(fmt.Sprint(args...)) }

// closeQuietly closes what is only listened on: there is nothing to lose.
func closeQuietly(log zerolog.Logger, c io.Closer) {
	if err := c.Close(); err != nil {
		log.Debug().Err(err).Msg("close listener")
	}
}
