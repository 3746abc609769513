package chat

import (
	"fmt"
	"strconv"
	"strings"

	"dreamlab/cmd/internal/api/wire"
)

// place is where a client left off: the id of the last event that it had.
type place struct {
	id         string
	epoch, seq int64
	part       int // of an entry, 0 for all of it
}

// placeOf reads a Last-Event-ID, "<epoch>-<seq>" or "<epoch>-<seq>.<part>".
func placeOf(header string) (place, error) {
	if header == "" {
		return place{}, nil
	}
	p := place{id: header}
	id, part, parted := strings.Cut(header, ".")
	epoch, seq, ok := strings.Cut(id, "-")
	var errs [3]error
	p.epoch, errs[0] = strconv.ParseInt(epoch, 10, 64)
	p.seq, errs[1] = strconv.ParseInt(seq, 10, 64)
	if parted {
		p.part, errs[2] = strconv.Atoi(part)
	}
	if !ok || errs != [3]error{} || p.epoch < 1 || p.seq < 1 || p.part < 0 {
		return p, wire.Invalid("Last-Event-ID", "Last-Event-ID is the id of an event of this stream, as 1-7.")
	}
	return p, nil
}

// after returns the entry behind which to go on.
func (p place) after() string {
	switch {
	case p.id == "":
		return ""
	case p.part > 0:
		return fmt.Sprintf("%d-%d", p.epoch, p.seq-1)
	}
	return fmt.Sprintf("%d-%d", p.epoch, p.seq)
}

// skip returns how many events of an entry the client has had.
func (p place) skip(entry string) int {
	if p.part > 0 && entry == fmt.Sprintf("%d-%d", p.epoch, p.seq) {
		return p.part
	}
	return 0
}
