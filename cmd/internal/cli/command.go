// Package cli reads command lines into structs: a field is a verb, a flag or an argument, and its
// tags say which. It writes their help, the completion scripts of shells and a manual page.
//
// The tags and the methods are those of github.com/alecthomas/kong, which would add half a megabyte
// to the program.
//
//	cmd:""          the field is a verb; its type is a struct with flags, arguments or verbs
//	arg:""          the field is an argument; a []string takes all that are left
//	help:"text"     one line about the verb, the flag or the argument
//	name:"other"    the name; without it the field's name in lower case, with hyphens
//	aliases:"a,b"   other names of a verb
//	short:"o"       the letter of a flag
//	default:"text"  the value of a flag that is not given; of a verb, that it is meant where none is named
//	enum:"a,b"      the values that are taken
//	placeholder:"N" what the value is called in the help
//	optional:""     the argument can be left out
//	group:"text"    the heading in the list of verbs
//	hidden:""       the verb stands in no list
//
// Fields of embedded structs belong to the struct around them. Flags are texts, truths, numbers,
// spans of time, and lists of texts with commas between. A struct tells more about its verb by the
// method Help, and refuses values by the method Validate, which runs when all are read.
package cli

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

// Command is a verb of a program, or the program itself.
type Command struct {
	Name    string
	Aliases []string
	Help    string // one line
	Group   string
	Hidden  bool
	Flags   []*Flag
	Args    []*Arg
	Verbs   []*Command
	Target  any // points to the struct of the verb

	parent *Command
	usual  *Command // the verb that is meant where none is named
}

// Flag is a value that is given by its name.
type Flag struct {
	Name, Short, Help, Placeholder, Default string
	Enum                                    []string
	value                                   reflect.Value
}

// Arg is a value that is given by its place.
type Arg struct {
	Name, Help string
	Optional   bool
	value      reflect.Value
}

// New reads the structs of a program's command line. Its errors are mistakes in their tags.
func New(name, help string, target any) (*Command, error) {
	root := &Command{Name: name, Help: help, Target: target}
	return root, root.read(reflect.ValueOf(target).Elem())
}

// Path returns the names from the program to the verb.
func (c *Command) Path() string {
	if c.parent == nil {
		return c.Name
	}
	return c.parent.Path() + " " + c.Name
}

// More returns what the verb tells about itself beside its line, "" for nothing.
func (c *Command) More() string {
	if told, has := c.Target.(interface{ Help() string }); has {
		return told.Help()
	}
	return ""
}

// Walk visits the command and all verbs below it that stand in lists.
func (c *Command) Walk(visit func(*Command)) {
	visit(c)
	for _, verb := range c.Listed() {
		verb.Walk(visit)
	}
}

// Listed returns the verbs that are not hidden.
func (c *Command) Listed() []*Command {
	var listed []*Command
	for _, verb := range c.Verbs {
		if !verb.Hidden {
			listed = append(listed, verb)
		}
	}
	return listed
}

// read adds what the fields of a struct declare: its own first, then what it shares with others.
func (c *Command) read(target reflect.Value) error {
	var shared []reflect.Value
	for i := range target.NumField() {
		field, value := target.Type().Field(i), target.Field(i)
		var err error
		switch {
		case field.Anonymous:
			shared = append(shared, value)
		case !field.IsExported():
		case has(field, "cmd"):
			err = c.addVerb(field, value)
		case has(field, "arg"):
			c.Args = append(c.Args, &Arg{
				Name: nameOf(field), Help: field.Tag.Get("help"), Optional: has(field, "optional"), value: value,
			})
		default:
			err = c.addFlag(field, value)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", field.Name, err)
		}
	}
	for _, value := range shared {
		if err := c.read(value); err != nil {
			return err
		}
	}
	return nil
}

func (c *Command) addVerb(field reflect.StructField, value reflect.Value) error {
	verb := &Command{
		Name: nameOf(field), Aliases: list(field, "aliases"), Help: field.Tag.Get("help"), Group: field.Tag.Get("group"),
		Hidden: has(field, "hidden"), Target: value.Addr().Interface(), parent: c,
	}
	if has(field, "default") {
		c.usual = verb
	}
	c.Verbs = append(c.Verbs, verb)
	return verb.read(value)
}

func (c *Command) addFlag(field reflect.StructField, value reflect.Value) error {
	f := &Flag{
		Name: nameOf(field), Short: field.Tag.Get("short"), Help: field.Tag.Get("help"), Default: field.Tag.Get("default"),
		Placeholder: field.Tag.Get("placeholder"), Enum: list(field, "enum"), value: value,
	}
	c.Flags = append(c.Flags, f)
	if f.Default == "" {
		return nil
	}
	return f.set(f.Default)
}

func has(field reflect.StructField, tag string) bool {
	_, there := field.Tag.Lookup(tag)
	return there
}

func list(field reflect.StructField, tag string) []string {
	text := field.Tag.Get(tag)
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// nameOf returns a field's name on the command line: DryRun is dry-run.
func nameOf(field reflect.StructField) string {
	if name := field.Tag.Get("name"); name != "" {
		return name
	}
	var name strings.Builder
	for i, r := range field.Name {
		if i > 0 && unicode.IsUpper(r) {
			name.WriteByte('-')
		}
		name.WriteRune(unicode.ToLower(r))
	}
	return name.String()
}
