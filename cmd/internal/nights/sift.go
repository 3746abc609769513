package nights

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"dreamlab/cmd/internal/client"
)

// Sifted is what a dream kept of the conversations of one kind, each assistant turn by itself.
type Sifted struct {
	Kind     string         `json:"kind"`
	Turns    int            `json:"turns"`
	Kept     int            `json:"kept"`    // as they were said
	ByLead   int            `json:"by_lead"` // rows of which the lead model wrote the answer instead
	Rejected map[string]int `json:"rejected"`
}

// maxLine bounds a conversation, in bytes.
const maxLine = 8 << 20

// Sift dreams of the conversations of a file, one a line in the form of an import, each kind by itself, and returns
// what was kept of each. Kinds are named by "kind" in a conversation's metadata.
func Sift(ctx context.Context, file io.Reader, log io.Writer) (all []Sifted, err error) {
	kinds, err := byKind(file)
	if err != nil {
		return nil, err
	}
	err = within(ctx, setup{log: log}, func(ctx context.Context, p place) error {
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			if err := take(ctx, p.client, kinds[kind]); err != nil {
				return fmt.Errorf("kind %s: %w", kind, err)
			}
			d, err := dream(ctx, p.client, client.DreamRequest{})
			if err != nil {
				return fmt.Errorf("kind %s: %w", kind, err)
			}
			all = append(all, Sifted{kind, d.Counts.Experiences, d.Counts.Kept - d.Counts.Improved, d.Counts.Improved, d.Counts.Rejected})
		}
		return nil
	})
	return all, err
}

func byKind(file io.Reader) (map[string]*bytes.Buffer, error) {
	kinds := map[string]*bytes.Buffer{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var said struct{ Metadata struct{ Kind string } }
		if err := json.Unmarshal(lines.Bytes(), &said); err != nil {
			return nil, fmt.Errorf("read line %d: %w", n, err)
		}
		kind := cmp.Or(said.Metadata.Kind, "all others")
		if kinds[kind] == nil {
			kinds[kind] = &bytes.Buffer{}
		}
		kinds[kind].Write(append(lines.Bytes(), '\n'))
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read conversations: %w", err)
	}
	return kinds, nil
}

// WriteSifted prints what was kept of each kind as a table.
func WriteSifted(out io.Writer, all []Sifted) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KIND\tTURNS\tKEPT\tANSWERED BY THE LEAD\tNOT KEPT")
	for _, s := range all {
		var why []string
		for _, reason := range slices.Sorted(maps.Keys(s.Rejected)) {
			why = append(why, fmt.Sprintf("%s %d", reason, s.Rejected[reason]))
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%s\n", s.Kind, s.Turns, s.Kept, s.ByLead, strings.Join(why, ", "))
	}
	return table.Flush()
}
