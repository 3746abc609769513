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
	Most                       float64
	Bars                       []Bar
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
		y := b.Bottom
		for j := range bar.Parts {
			part := &bar.Parts[j]
			if part.Value <= 0 {
				continue
			}
			part.H = max(int(part.Value/b.Most*barsHigh+0.5), 1)
			y -= part.H
			part.Y = y
		}
	}
	return b
}

func sum(parts []Part) (total float64) {
	for _, part := range parts {
		total += part.Value
	}
	return total
}
