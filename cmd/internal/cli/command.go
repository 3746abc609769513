// Package cli reads command lines into structs with github.com/alecthomas/kong: a field is a verb, a
// flag or an argument, and its tags say which. From kong's model it writes their help, the completion
// scripts of shells and a manual page.
//
// A struct tells more about its verb by the method Help, what stands below its flags by the method
// Foot, and refuses values by the method Validate, which runs when all are read. Where a flag with
// an enum can be left out, its first value and its default are empty.
package cli

import (
	"slices"

	"github.com/alecthomas/kong"
)

// Program is a command line, from its root.
type Program struct {
	Command
	parser *kong.Kong
}

// Command is a verb of a program, or the program itself.
type Command struct{ *kong.Node }

// New reads the structs of a program's command line. Its errors are mistakes in their tags.
func New(name, help string, target any) (*Program, error) {
	parser, err := kong.New(target, kong.Name(name), kong.Description(help), kong.NoDefaultHelp())
	if err != nil {
		return nil, err
	}
	return &Program{Command{parser.Model.Node}, parser}, nil
}

// Path returns the names from the program to the verb.
func (c Command) Path() string {
	if c.Parent == nil {
		return c.Name
	}
	return Command{c.Parent}.Path() + " " + c.Name
}

// Verb returns a pointer to the struct of the verb.
func (c Command) Verb() any { return c.Target.Addr().Interface() }

// Walk visits the command and all verbs below it that stand in lists.
func (c Command) Walk(visit func(Command)) {
	visit(c)
	for _, verb := range c.Listed() {
		verb.Walk(visit)
	}
}

// Listed returns the verbs that are not hidden.
func (c Command) Listed() []Command {
	var listed []Command
	for _, verb := range c.Children {
		if !verb.Hidden {
			listed = append(listed, Command{verb})
		}
	}
	return listed
}

// verb returns the verb with a name or an alias, and whether there is one.
func (c Command) verb(name string) (Command, bool) {
	for _, verb := range c.Children {
		if verb.Name == name || slices.Contains(verb.Aliases, name) {
			return Command{verb}, true
		}
	}
	return c, false
}

// flag returns a flag of the verb or, where the verb is not named yet, of any verb below it. It is nil
// where there is none.
func (c Command) flag(name string) *kong.Flag {
	for _, f := range c.Flags {
		if f.Name == name || f.Short != 0 && string(f.Short) == name {
			return f
		}
	}
	for _, verb := range c.Children {
		if f := (Command{verb}).flag(name); f != nil {
			return f
		}
	}
	return nil
}

// enumOf returns the values that a flag takes, without the empty one of a flag that can be left out.
func enumOf(f *kong.Flag) []string {
	return slices.DeleteFunc(f.EnumSlice(), func(value string) bool { return value == "" })
}
