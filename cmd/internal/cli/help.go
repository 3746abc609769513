package cli

import (
	"fmt"
	"strings"
)

// Usage returns the help of a command: of a verb its flags, of a command with verbs their list.
func (c *Command) Usage() string {
	var out strings.Builder
	if c.parent != nil {
		fmt.Fprintf(&out, "usage: %s\n\n", c.synopsis())
	}
	out.WriteString(c.Help + "\n")
	if c.parent == nil {
		fmt.Fprintf(&out, "\nusage: %s\n", c.synopsis())
	}
	if more := c.More(); more != "" && c.parent != nil {
		out.WriteString("\n" + more + "\n")
	}
	c.writeVerbs(&out)
	c.writeFlags(&out)
	if c.usual != nil {
		fmt.Fprintf(&out, "\nWithout a verb, %s is meant:\n", c.usual.synopsis())
		c.usual.writeFlags(&out)
	}
	if len(c.Verbs) > 0 {
		fmt.Fprintf(&out, "\n%s VERB -h shows the flags of a verb.\n", c.Path())
	}
	if c.parent == nil {
		out.WriteString("\n" + c.More())
	}
	if foot, has := c.Target.(interface{ Foot() string }); has {
		out.WriteString("\n" + foot.Foot())
	}
	return out.String()
}

func (c *Command) writeFlags(out *strings.Builder) {
	if len(c.Flags) > 0 {
		out.WriteString("\n")
	}
	for _, f := range c.Flags {
		f.write(out)
	}
}

// synopsis returns the line that shows what stands where.
func (c *Command) synopsis() string {
	if len(c.Verbs) > 0 {
		return c.Path() + " VERB [flags] [arguments]"
	}
	return strings.TrimSpace(c.Path() + " [flags] " + c.places())
}

// places returns the arguments as the help shows them.
func (c *Command) places() string {
	var shown []string
	for _, a := range c.Args {
		name := strings.ToUpper(a.Name)
		if a.many() {
			name += "…"
		}
		if a.Optional {
			name = "[" + name + "]"
		}
		shown = append(shown, name)
	}
	return strings.Join(shown, " ")
}

// writeVerbs lists the verbs, under their headings in the order in which these first appear.
func (c *Command) writeVerbs(out *strings.Builder) {
	var groups []string
	lines, wide := map[string][]*Command{}, 0
	for _, verb := range c.Listed() {
		if _, known := lines[verb.Group]; !known {
			groups = append(groups, verb.Group)
		}
		lines[verb.Group] = append(lines[verb.Group], verb)
		wide = max(wide, len(verb.Name))
	}
	for _, group := range groups {
		out.WriteString("\n")
		if group != "" {
			out.WriteString(group + ":\n")
		}
		for _, verb := range lines[group] {
			fmt.Fprintf(out, "  %-*s  %s\n", wide, verb.Name, verb.Help)
		}
	}
}

func (f *Flag) write(out *strings.Builder) {
	name := "--" + f.Name
	if f.Short != "" {
		name = "-" + f.Short + ", " + name
	}
	fmt.Fprintf(out, "  %s\n      %s\n", strings.TrimSpace(name+" "+f.Placeholder), f.about())
}

// about returns the help of a flag with its values and its default.
func (f *Flag) about() string {
	text := f.Help
	if f.Enum != nil {
		text += ": " + strings.Join(f.Enum, ", ")
	}
	if f.Default != "" {
		text += fmt.Sprintf(" (without it: %s)", f.Default)
	}
	return text
}
