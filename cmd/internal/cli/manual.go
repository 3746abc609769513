package cli

import (
	"fmt"
	"strings"
)

// Manual returns the manual page of a program, in the language of man(7).
func (c *Command) Manual() string {
	var out strings.Builder
	fmt.Fprintf(&out, ".TH %s 1\n.SH NAME\n%s \\- %s\n", strings.ToUpper(c.Name), roff(c.Name), roff(c.Help))
	fmt.Fprintf(&out, ".SH SYNOPSIS\n%s\n", roff(c.synopsis()))
	if more := c.More(); more != "" {
		fmt.Fprintf(&out, ".SH DESCRIPTION\n%s", block(more))
	}
	out.WriteString(".SH VERBS\n")
	c.Walk(func(verb *Command) {
		if verb.parent != nil {
			verb.writeManual(&out)
		}
	})
	return out.String()
}

func (c *Command) writeManual(out *strings.Builder) {
	fmt.Fprintf(out, ".SS %s\n%s\n", roff(c.synopsis()), roff(c.Help))
	if more := c.More(); more != "" {
		out.WriteString(".PP\n" + block(more))
	}
	for _, f := range c.Flags {
		name := "--" + f.Name
		if f.Short != "" {
			name = "-" + f.Short + ", " + name
		}
		fmt.Fprintf(out, ".TP\n\\fB%s\\fR \\fI%s\\fR\n%s\n", roff(name), roff(f.Placeholder), roff(f.about()))
	}
}

// block keeps the lines of a text as they are.
func block(text string) string {
	return ".nf\n" + roff(strings.TrimRight(text, "\n")) + "\n.fi\n"
}

// roff escapes what man(7) would take for its own.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
