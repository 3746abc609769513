package cli

import (
	"fmt"
	"strings"
)

// Manual returns the manual page of a program, in the language of man(7).
func (c Command) Manual() string {
	var out strings.Builder
	fmt.Fprintf(&out, ".TH %s 1\n.SH NAME\n%s \\- %s\n", strings.ToUpper(c.Name), roff(c.Name), roff(c.Help))
	fmt.Fprintf(&out, ".SH SYNOPSIS\n%s\n", roff(c.synopsis()))
	if c.Detail != "" {
		fmt.Fprintf(&out, ".SH DESCRIPTION\n%s", block(c.Detail))
	}
	out.WriteString(".SH VERBS\n")
	c.Walk(func(verb Command) {
		if verb.Parent != nil {
			verb.writeManual(&out)
		}
	})
	return out.String()
}

func (c Command) writeManual(out *strings.Builder) {
	fmt.Fprintf(out, ".SS %s\n%s\n", roff(c.synopsis()), roff(c.Help))
	if c.Detail != "" {
		out.WriteString(".PP\n" + block(c.Detail))
	}
	for _, s := range c.sections() {
		for _, f := range s.flags {
			fmt.Fprintf(out, ".TP\n\\fB%s\\fR \\fI%s\\fR\n%s\n", roff(nameOf(f)), roff(f.PlaceHolder), roff(about(f)))
		}
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
