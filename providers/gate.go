package providers

import (
	"bytes"
	"time"
)

// A gate keeps back at most this much of a stream that shows nothing yet.
const gateBytes = 64 << 10

// gate stands between a driver and the call's sink. It keeps the first chunks
// back until one shows something, so that a try that fails before leaves no
// trace in the stream which another vendor then gives.
type gate struct {
	sink  Sink // nil where nobody is shown anything
	hold  bool // keep all back to the end: as much as a driver reads of one stream
	watch *watch
	began func() // told once, before the first chunk is handed over
	seam  *seam  // where the try goes on from what was shown; nil where it does not, or has
	kept  []Chunk
	size  int
	open  bool // chunks were handed over
	shown bool // one of them shows something
	spoke bool // a chunk that shows something came

	claim   func() bool // as in [attempt]
	now     func() time.Time
	spokeAt time.Time // when the first such chunk came
}

// take is the sink that the driver is given.
func (g *gate) take(chunk Chunk) error {
	g.watch.pause()
	defer g.watch.resume()
	if chunk.Shows && !g.spoke {
		if !g.wanted() {
			return errLost
		}
		g.spoke, g.spokeAt = true, g.now()
	}
	switch {
	case g.sink == nil:
		return nil
	case g.seam != nil:
		return g.cross(chunk)
	case g.keeps(chunk):
		g.keep(chunk)
		return nil
	}
	if err := g.flush(); err != nil {
		return err
	}
	g.shown = g.shown || chunk.Shows
	return g.sink(chunk)
}

func (g *gate) keeps(chunk Chunk) bool {
	return g.hold || !g.open && !chunk.Shows && g.size+len(chunk.Data) <= gateBytes
}

func (g *gate) keep(chunk Chunk) {
	g.size += len(chunk.Data)
	chunk.Data = bytes.Clone(chunk.Data)
	g.kept = append(g.kept, chunk)
}

// wanted tells whether nobody else has answered.
func (g *gate) wanted() bool { return g.claim == nil || g.claim() }

// flush hands over what was kept back.
func (g *gate) flush() error {
	if g.sink == nil {
		return nil
	}
	if g.seam != nil && !g.seam.clean() {
		return errSeam
	}
	g.seam = nil
	if !g.open {
		if !g.wanted() {
			return errLost
		}
		g.began()
	}
	g.open = true
	kept := g.kept
	g.kept = nil
	for _, chunk := range kept {
		g.shown = g.shown || chunk.Shows
		if err := g.sink(chunk); err != nil {
			return err
		}
	}
	return nil
}
