package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Usage returns the help of a command: of a verb its flags, of a command with verbs their list.
func (c Command) Usage() string {
	var out strings.Builder
	if c.Parent != nil {
		fmt.Fprintf(&out, "usage: %s\n\n", c.synopsis())
	}
	out.WriteString(c.Help + "\n")
	if c.Parent == nil {
		fmt.Fprintf(&out, "\nusage: %s\n", c.synopsis())
	}
	if c.Detail != "" && c.Parent != nil {
		out.WriteString("\n" + c.Detail + "\n")
	}
	c.writeVerbs(&out)
	c.writeFlags(&out)
	if c.DefaultCmd != nil {
		usual := Command{c.DefaultCmd}
		fmt.Fprintf(&out, "\nWithout a verb, %s is meant:\n", usual.synopsis())
		usual.writeFlags(&out)
	}
	if len(c.Children) > 0 {
		fmt.Fprintf(&out, "\n%s VERB -h shows the flags of a verb.\n", c.Path())
	}
	if c.Parent == nil {
		out.WriteString("\n" + c.Detail)
	}
	if foot, has := c.Verb().(interface{ Foot() string }); has {
		out.WriteString("\n" + foot.Foot())
	}
	return out.String()
}

// section are the flags that stand below one heading.
type section struct {
	heading string
	flags   []*kong.Flag
}

// sections returns the flags: those without a heading first, then the others in the order in which
// their headings first appear.
func (c Command) sections() []section {
	all := []section{{}}
	for _, f := range c.Flags {
		heading := ""
		if f.Group != nil {
			heading = f.Group.Title
		}
		at := slices.IndexFunc(all, func(s section) bool { return s.heading == heading })
		if at < 0 {
			at, all = len(all), append(all, section{heading: heading})
		}
		all[at].flags = append(all[at].flags, f)
	}
	if len(all[0].flags) == 0 {
		return all[1:]
	}
	return all
}

func (c Command) writeFlags(out *strings.Builder) {
	for _, s := range c.sections() {
		out.WriteString("\n")
		if s.heading != "" {
			out.WriteString(s.heading + ":\n")
		}
		for _, f := range s.flags {
			fmt.Fprintf(out, "  %s\n      %s\n", strings.TrimSpace(nameOf(f)+" "+f.PlaceHolder), about(f))
		}
	}
}

// synopsis returns the line that shows what stands where.
func (c Command) synopsis() string {
	if len(c.Children) > 0 {
		return c.Path() + " VERB [flags] [arguments]"
	}
	return strings.TrimSpace(c.Path() + " [flags] " + c.places())
}

// places returns the arguments as the help shows them.
func (c Command) places() string {
	var shown []string
	for _, a := range c.Positional {
		name := strings.ToUpper(a.Name)
		if a.IsCumulative() {
			name += "…"
		}
		if !a.Required {
			name = "[" + name + "]"
		}
		shown = append(shown, name)
	}
	return strings.Join(shown, " ")
}

// writeVerbs lists the verbs, under their headings in the order in which these first appear.
func (c Command) writeVerbs(out *strings.Builder) {
	var groups []string
	lines, wide := map[string][]Command{}, 0
	for _, verb := range c.Listed() {
		group := ""
		if verb.Group != nil {
			group = verb.Group.Title
		}
		if _, known := lines[group]; !known {
			groups = append(groups, group)
		}
		lines[group] = append(lines[group], verb)
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

// nameOf returns a flag as it is given, behind its letter where it has one.
func nameOf(f *kong.Flag) string {
	if f.Short == 0 {
		return "--" + f.Name
	}
	return fmt.Sprintf("-%c, --%s", f.Short, f.Name)
}

// about returns the help of a flag with its values and its default.
func about(f *kong.Flag) string {
	text := f.Help
	if values := enumOf(f); len(values) > 0 {
		text += ": " + strings.Join(values, ", ")
	}
	if f.Default != "" {
		text += fmt.Sprintf(" (without it: %s)", f.Default)
	}
	return text
}
