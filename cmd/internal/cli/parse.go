package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// ErrHelp means that the help of a command is asked for.
var ErrHelp = errors.New("help is asked for")

// Fault is an error in the arguments.
type Fault struct{ text string }

// Error says what is wrong, and what is likely to be meant.
func (f *Fault) Error() string { return f.text }

// Parse reads the arguments into the structs and returns the verb that they name. Flags stand
// before, after or between verbs and arguments. Its errors are ErrHelp, of the verb that is returned,
// and of type *Fault.
func (p *Program) Parse(args []string) (Command, error) {
	words := line{at: p.Command}
	if err := words.read(args); err != nil {
		return words.at, err
	}
	words.meanDefault()
	read, err := p.parser.Parse(words.arranged())
	if wrong := (*kong.ParseError)(nil); errors.As(err, &wrong) {
		at := p.chosen(wrong.Context)
		return at, at.fault(err)
	}
	return p.chosen(read), err
}

// chosen returns the verb that was read last.
func (p *Program) chosen(read *kong.Context) Command {
	if verb := read.Selected(); verb != nil {
		return Command{verb}
	}
	return p.Command
}

// fault says what kong says, without the path of the verb and the value of a flag that is left out,
// and what an argument is that is missing.
func (c Command) fault(err error) *Fault {
	text := strings.TrimPrefix(err.Error(), c.Node.Path()+": ")
	text = strings.Replace(text, `must be one of "",`, "must be one of ", 1)
	for _, arg := range c.Positional {
		if arg.Required && !arg.Set && strings.HasPrefix(text, "expected ") {
			return &Fault{text + ": " + arg.Help}
		}
	}
	return &Fault{text}
}

// line is a command line whose verbs, flags and arguments are told apart: kong reads the flags of a
// verb behind its name alone, and all arguments of a list in one go.
type line struct {
	at                  Command // the last of the verbs
	verbs, flags, words []string
}

// arranged returns verbs, flags and arguments in the order in which kong reads them.
func (l *line) arranged() []string {
	if len(l.words) == 0 {
		return slices.Concat(l.verbs, l.flags)
	}
	return slices.Concat(l.verbs, l.flags, []string{"--"}, l.words)
}

// meanDefault names the verb that is meant where none is named. Where words follow it is left to kong: a
// default verb that takes none of them is no match for a word, and kong names the verb that is near.
func (l *line) meanDefault() {
	if verb := l.at.DefaultCmd; verb != nil && len(l.words) == 0 {
		l.verbs = append(l.verbs, verb.Name)
	}
}

func (l *line) read(args []string) error {
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		switch {
		case word == "--":
			l.words = append(l.words, args...)
			return nil
		case word == "-" || !strings.HasPrefix(word, "-"):
			l.word(word)
		default:
			taken, err := l.flag(word, args)
			if err != nil {
				return err
			}
			args = args[taken:]
		}
	}
	return nil
}

func (l *line) word(word string) {
	verb, is := l.at.verb(word)
	if !is {
		l.words = append(l.words, word)
		return
	}
	l.at, l.verbs = verb, append(l.verbs, word)
}

// flag reads a flag with its value, and returns how many of the words behind it are that value.
// A flag that is not known is left to kong: it names what is near, and knows that -n3 is -n 3.
func (l *line) flag(word string, behind []string) (taken int, err error) {
	name, value, valued := strings.Cut(strings.TrimLeft(word, "-"), "=")
	f := l.at.flag(name)
	switch {
	case f == nil && (name == "h" || name == "help"):
		return 0, ErrHelp
	case f == nil:
	case valued:
		word = "--" + f.Name + "=" + value
	case f.IsBool():
		word = "--" + f.Name
	case len(behind) == 0:
		return 0, &Fault{fmt.Sprintf("--%s needs a value: %s", f.Name, f.FormatPlaceHolder())}
	default:
		word, taken = "--"+f.Name+"="+behind[0], 1
	}
	l.flags = append(l.flags, word)
	return taken, nil
}
