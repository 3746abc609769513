// Package draw computes what the plots of the pages show: positions and sizes, which
// templates write as SVG. It knows neither colours nor words.
package draw

// Interval is an estimate with its interval, each between 0 and 1.
type Interval struct {
	Name             string
	Low, Point, High float64
	Good             bool
}

// Mark is where an interval stands in the plot.
type Mark struct {
	Interval
	Y             int
	X1, X, X2, CX int // the interval's ends, its width, and the point
}

// Tick is a labelled place on the axis.
type Tick struct {
	X       int
	Percent int
}

// Gate is a plot of intervals against the line that they have to be above.
type Gate struct {
	Width, Height, Bottom int
	Line                  int // x of the gate
	Half                  int // x of a half
	Marks                 []Mark
	Ticks                 []Tick
}

const (
	gateLeft  = 96
	gateWide  = 520
	gateRight = 24
	rowHigh   = 34
	rowTop    = 30
)

// NewGate lays a plot out. What lies outside 0 to 1 is drawn at the edge.
func NewGate(intervals []Interval, line float64) Gate {
	g := Gate{Width: gateLeft + gateWide + gateRight, Line: gateX(line), Half: gateX(0.5)}
	for i, in := range intervals {
		m := Mark{Interval: in, Y: rowTop + i*rowHigh, X1: gateX(in.Low), X2: gateX(in.High), CX: gateX(in.Point)}
		m.X = m.X2 - m.X1
		g.Marks = append(g.Marks, m)
	}
	g.Bottom = rowTop + len(intervals)*rowHigh - rowHigh/2 + 6
	g.Height = g.Bottom + 30
	for percent := 0; percent <= 100; percent += 25 {
		g.Ticks = append(g.Ticks, Tick{gateX(float64(percent) / 100), percent})
	}
	return g
}

func gateX(share float64) int { return gateLeft + int(min(max(share, 0), 1)*gateWide+0.5) }
