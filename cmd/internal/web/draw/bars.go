package draw

// Part is a share of a bar.
type Part struct {
	Name  string
	Value float64
	Class int // which of the kinds of parts it is, from 0
	Y, H  int
}

// Bar is a column of stacked parts.
type Bar struct {
	Name  string
	Parts []Part
	X, W  int
}

// Bars is a plot of stacked columns.
type Bars struct {
	Width, Height, Bottom, Top int
	Most                       float64 // of a bar: what the plot's height stands for
	Bars                       []Bar
	End                        int // where the last bar ends
}

// Last returns the bar at the right end, which is named where it is not the first one too.
func (b Bars) Last() *Bar {
	if len(b.Bars) < 2 {
		return nil
	}
	return &b.Bars[len(b.Bars)-1]
}

const (
	barsWide = 720
	barsHigh = 160
	barsTop  = 20
)

// NewBars lays the bars out: each part at its height, the highest bar over the whole plot. What is
// more than nothing is at least one unit high.
func NewBars(bars []Bar) Bars {
	b := Bars{Width: barsWide, Height: barsTop + barsHigh + 24, Top: barsTop, Bottom: barsTop + barsHigh, Bars: bars}
	for _, bar := range bars {
		b.Most = max(b.Most, sum(bar.Parts))
	}
	if len(bars) == 0 || b.Most == 0 {
		return b
	}
	step := barsWide / len(bars)
	for i := range bars {
		bar := &bars[i]
		bar.X, bar.W = i*step+1, max(min(step-2, 40), 1)
		b.End = bar.X + bar.W
		bar.stack(b.Most, b.Bottom)
	}
	return b
}

// stack puts the parts above each other. What small ones are more than their share is taken from the
// largest.
func (b *Bar) stack(most float64, bottom int) {
	high, largest := 0, 0
	for i := range b.Parts {
		part := &b.Parts[i]
		if part.Value > 0 {
			part.H = max(int(part.Value/most*barsHigh+0.5), 1)
		}
		if high += part.H; part.H > b.Parts[largest].H {
			largest = i
		}
	}
	if over := high - barsHigh; over > 0 {
		b.Parts[largest].H -= over
	}
	for i := range b.Parts {
		bottom -= b.Parts[i].H
		b.Parts[i].Y = bottom
	}
}

func sum(parts []Part) (total float64) {
	for _, part := range parts {
		total += part.Value
	}
	return total
}
