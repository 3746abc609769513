package providers

import "bytes"

// A gate keeps back at most this much of a stream that shows nothing yet.
const gateBytes = 64 << 10

// gate stands between a driver and the call's sink. It keeps the first chunks
// back until one shows something, so that a try that fails before leaves no
// trace in the stream which another vendor then gives.
type gate struct {
	sink  Sink
	watch *watch
	began func() // told once, before the first chunk is handed over
	kept  []Chunk
	size  int
	open  bool // chunks were handed over
	shown bool
}

// take is the sink that the driver is given.
func (g *gate) take(chunk Chunk) error {
	g.watch.pause()
	defer g.watch.resume()
	if !g.open && !chunk.Shows && g.size+len(chunk.Data) <= gateBytes {
		g.size += len(chunk.Data)
		chunk.Data = bytes.Clone(chunk.Data)
		g.kept = append(g.kept, chunk)
		return nil
	}
	if err := g.flush(); err != nil {
		return err
	}
	g.shown = g.shown || chunk.Shows
	return g.sink(chunk)
}

// flush hands over what was kept back.
func (g *gate) flush() error {
	if !g.open {
		g.began()
	}
	g.open = true
	kept := g.kept
	g.kept = nil
	for _, chunk := range kept {
		if err := g.sink(chunk); err != nil {
			return err
		}
	}
	return nil
}
