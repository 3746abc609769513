package draw

import "testing"

// What lies outside 0 to 1 is drawn at the edge, and never outside the plot.
func TestGateStaysInside(t *testing.T) {
	t.Parallel()
	g := NewGate([]Interval{{Low: -0.3, Point: 0.5, High: 1.4}, {Low: 0.4, Point: 0.4, High: 0.4}}, 0.52)
	wide := g.Marks[0]
	if wide.X1 != gateLeft || wide.X2 != gateLeft+gateWide || wide.CX != gateLeft+gateWide/2 {
		t.Errorf("the wide interval is drawn as %+v", wide)
	}
	if none := g.Marks[1]; none.X != 0 || none.CX != none.X1 {
		t.Errorf("an interval of one point is drawn as %+v", none)
	}
	if g.Line <= g.Half || g.Marks[1].Y >= g.Bottom || g.Bottom >= g.Height {
		t.Errorf("the plot is %+v", g)
	}
}

// The highest bar fills the plot; what is more than nothing is seen, and nothing is not.
func TestBars(t *testing.T) {
	t.Parallel()
	b := NewBars([]Bar{
		{Parts: []Part{{Value: 75}, {Value: 25}}}, {Parts: []Part{{Value: 0.0001}, {Value: 0}}}, {},
	})
	high := b.Bars[0].Parts
	if high[0].H+high[1].H != barsHigh || high[1].Y != b.Top || high[0].Y+high[0].H != b.Bottom {
		t.Errorf("the highest bar is %+v", high)
	}
	if low := b.Bars[1].Parts; low[0].H != 1 || low[1].H != 0 {
		t.Errorf("the lowest bar is %+v", low)
	}
	many := NewBars([]Bar{{Parts: []Part{{Value: 1}, {Value: 1e6}, {Value: 1}, {Value: 1}}}}).Bars[0].Parts
	if many[3].Y != barsTop || many[0].H != 1 || many[1].H != barsHigh-3 {
		t.Errorf("small parts lift a bar out of the plot: %+v", many)
	}
	if none := NewBars(nil); none.Most != 0 || len(none.Bars) != 0 {
		t.Errorf("without bars: %+v", none)
	}
}

// Columns without things take no room, things stand near their neighbours, and edges to things that
// are not shown are left out.
func TestGraph(t *testing.T) {
	t.Parallel()
	nodes := []Node{{ID: "a", Column: 0}, {ID: "b", Column: 0}, {ID: "x", Column: 7}, {ID: "y", Column: 7}}
	edges := []Edge{{From: "a", To: "y"}, {From: "b", To: "x"}, {From: "a", To: "gone"}, {From: "x", To: "y"}}
	g := NewGraph(nodes, edges)
	if len(g.Columns) != 2 || g.Columns[1].X != NodeWide+nodeGapX+1 || len(g.Edges) != 3 {
		t.Errorf("columns %+v, edges %+v", g.Columns, g.Edges)
	}
	if crossed := (g.Edges[0].Y1 - g.Edges[1].Y1) * (g.Edges[0].Y2 - g.Edges[1].Y2); crossed < 0 {
		t.Errorf("the edges cross: %+v", g.Edges)
	}
	for _, e := range g.Edges {
		if e.X1 > g.Width || e.X2 > g.Width || max(e.Y1, e.Y2) > g.Height {
			t.Errorf("%+v leaves the plot of %d by %d", e, g.Width, g.Height)
		}
	}
}
