package cli

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// ErrHelp means that the help of a command is asked for.
var ErrHelp = errors.New("help is asked for")

// Fault is an error in the arguments.
type Fault struct{ text string }

// Error says what is wrong, and what is likely to be meant.
func (f *Fault) Error() string { return f.text }

func fault(format string, args ...any) *Fault { return &Fault{fmt.Sprintf(format, args...)} }

// given is a flag as it stands on the command line.
type given struct {
	name, value string
	bare        bool // it has no value
}

// reader goes through the arguments.
type reader struct {
	at    *Command
	left  []string
	flags []given
	words []string
	plain bool // after --, nothing is a flag
}

// Parse reads the arguments into the structs and returns the verb that they name. Flags stand
// before, after or between arguments. Its errors are ErrHelp, of the verb that is returned, and of
// type *Fault.
func (c *Command) Parse(args []string) (*Command, error) {
	r := &reader{at: c, left: args}
	for len(r.left) > 0 {
		if err := r.next(); err != nil {
			return r.at, err
		}
	}
	if r.at.usual != nil {
		r.at = r.at.usual
	}
	if len(r.at.Verbs) > 0 {
		return r.at, fault("say what to do: %s", names(r.at))
	}
	return r.at, r.at.fill(r.flags, r.words)
}

// next reads one argument, or a flag with its value.
func (r *reader) next() error {
	word := r.left[0]
	r.left = r.left[1:]
	switch {
	case r.plain || word == "-" || !strings.HasPrefix(word, "-"):
		return r.word(word)
	case word == "--":
		r.plain = true
		return nil
	}
	return r.flag(word)
}

// word takes a verb as long as there are any, and then an argument.
func (r *reader) word(word string) error {
	if len(r.at.Verbs) == 0 {
		r.words = append(r.words, word)
		return nil
	}
	if verb := r.at.verb(word); verb != nil {
		r.at = verb
		return nil
	}
	if r.at.usual != nil {
		r.at = r.at.usual
		return r.word(word)
	}
	advice := r.at.meantVerb(word)
	if advice == "" && r.at.parent != nil {
		advice = ": say " + names(r.at)
	}
	return fault("there is no verb %q%s", word, advice)
}

func (r *reader) flag(word string) error {
	name, value, valued := strings.Cut(word, "=")
	name = strings.TrimLeft(name, "-")
	f := r.at.find(name)
	if !strings.HasPrefix(word, "--") && f == nil && len(name) > 1 { // -ojson
		if short := r.at.find(name[:1]); short != nil {
			f, value, valued = short, strings.TrimPrefix(word[2:], "="), true
		}
	}
	switch {
	case f == nil && (name == "h" || name == "help"):
		return ErrHelp
	case f == nil:
		return fault("there is no flag --%s%s", name, r.at.meantFlag(name))
	case valued:
	case f.Switch():
		r.flags = append(r.flags, given{name: f.Name, bare: true})
		return nil
	case len(r.left) == 0:
		return fault("--%s needs a value%s", f.Name, called(f))
	default:
		value, r.left = r.left[0], r.left[1:]
	}
	r.flags = append(r.flags, given{name: f.Name, value: value})
	return nil
}

func called(f *Flag) string {
	if f.Placeholder == "" {
		return ""
	}
	return ": " + f.Placeholder
}

// find returns a flag of the verb or, where the verb is not named yet, of any verb below it.
func (c *Command) find(name string) *Flag {
	for _, f := range c.Flags {
		if f.Name == name || f.Short != "" && f.Short == name {
			return f
		}
	}
	for _, verb := range c.Verbs {
		if f := verb.find(name); f != nil {
			return f
		}
	}
	return nil
}

func (c *Command) verb(name string) *Command {
	at := slices.IndexFunc(c.Verbs, func(v *Command) bool { return v.Name == name || slices.Contains(v.Aliases, name) })
	if at < 0 {
		return nil
	}
	return c.Verbs[at]
}

// fill stores flags and arguments, once the verb is known.
func (c *Command) fill(flags []given, words []string) error {
	replaced := map[string]bool{}
	for _, g := range flags {
		f := c.find(g.name)
		if f == nil {
			return fault("there is no flag --%s%s", g.name, c.meantFlag(g.name))
		}
		if g.bare {
			g.value = "true"
		}
		if f.value.Kind() == reflect.Slice && !replaced[f.Name] {
			f.value.SetZero() // the default
			replaced[f.Name] = true
		}
		if err := f.set(g.value); err != nil {
			return fault("--%s: %v", g.name, err)
		}
	}
	if err := c.fillArgs(words); err != nil {
		return err
	}
	if checked, has := c.Target.(interface{ Validate() error }); has {
		if err := checked.Validate(); err != nil {
			return fault("%v", err)
		}
	}
	return nil
}

func (c *Command) fillArgs(words []string) error {
	for _, a := range c.Args {
		switch {
		case len(words) == 0 && a.Optional:
		case len(words) == 0:
			return fault("name %s", a.Help)
		case a.many():
			a.value.Set(reflect.ValueOf(words))
			words = nil
		default:
			a.value.SetString(words[0])
			words = words[1:]
		}
	}
	switch {
	case len(words) == 0:
		return nil
	case len(c.Args) == 0:
		return fault("it takes no arguments, but was given %q", words[0])
	}
	return fault("it takes no more than %s, but was given %q", c.places(), words[0])
}
