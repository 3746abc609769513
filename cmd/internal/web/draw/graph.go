package draw

import "sort"

// Node is a thing of a graph in a column of its own.
type Node struct {
	ID     string
	Column int
	X, Y   int
	order  float64
}

// Edge leads from one thing to another.
type Edge struct {
	From, To       string
	Name           string
	X1, Y1, X2, Y2 int
	MX             int // half way
}

// Graph is a layered plot: a column for each sort of things.
type Graph struct {
	Width, Height int
	Nodes         []Node
	Edges         []Edge
	Columns       []Head
}

// Head stands above a column.
type Head struct {
	Column, X int
}

const (
	// NodeWide and NodeHigh are the size of a node.
	NodeWide = 132
	NodeHigh = 26
	nodeGapX = 34
	nodeGapY = 10
	graphTop = 30
	sweeps   = 4
)

// NewGraph lays a graph out. Columns without things are left out; in each, things stand near what
// they are linked with (the barycentre of their neighbours, in a few sweeps).
func NewGraph(nodes []Node, edges []Edge) Graph {
	g := Graph{Nodes: nodes, Edges: edges}
	columns := map[int][]*Node{}
	var used []int
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if columns[n.Column] == nil {
			used = append(used, n.Column)
		}
		columns[n.Column] = append(columns[n.Column], n)
	}
	sort.Ints(used)
	known := map[string]*Node{}
	for at, column := range used {
		for row, n := range columns[column] {
			n.X, n.order = at*(NodeWide+nodeGapX)+1, float64(row)
			known[n.ID] = n
		}
		g.Columns = append(g.Columns, Head{column, at*(NodeWide+nodeGapX) + 1})
	}
	for range sweeps {
		for _, column := range used {
			arrange(columns[column], known, edges)
		}
	}
	g.place(columns, known)
	return g
}

// arrange orders a column by where its neighbours stand.
func arrange(column []*Node, known map[string]*Node, edges []Edge) {
	centre := map[string]float64{}
	for _, n := range column {
		total, count := n.order, 1.0
		for _, e := range edges {
			other := ""
			switch n.ID {
			case e.From:
				other = e.To
			case e.To:
				other = e.From
			}
			if near := known[other]; near != nil {
				total, count = total+near.order, count+1
			}
		}
		centre[n.ID] = total / count
	}
	sort.SliceStable(column, func(i, j int) bool { return centre[column[i].ID] < centre[column[j].ID] })
	for row, n := range column {
		n.order = float64(row)
	}
}

// place gives nodes and edges their positions.
func (g *Graph) place(columns map[int][]*Node, known map[string]*Node) {
	for _, column := range columns {
		for row, n := range column {
			n.Y = graphTop + row*(NodeHigh+nodeGapY)
			g.Height = max(g.Height, n.Y+NodeHigh+4)
		}
	}
	g.Width = max(len(columns)*(NodeWide+nodeGapX)-nodeGapX+2, 1)
	drawn := g.Edges[:0:0]
	for _, e := range g.Edges {
		from, to := known[e.From], known[e.To]
		if from == nil || to == nil {
			continue
		}
		if from.X > to.X {
			from, to = to, from
		}
		e.X1, e.Y1, e.X2, e.Y2 = from.X+NodeWide, from.Y+NodeHigh/2, to.X, to.Y+NodeHigh/2
		if from.X == to.X {
			e.X1, e.X2 = from.X+NodeWide, to.X+NodeWide
		}
		e.MX = (e.X1 + e.X2) / 2
		if from.X == to.X {
			e.MX = e.X1 + nodeGapX/2
		}
		drawn = append(drawn, e)
	}
	g.Edges = drawn
}
