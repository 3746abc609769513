package cli

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// Candidate is a word that can stand where a shell completes.
type Candidate struct{ Word, Help string }

// Complete returns what the last of the words can become. File names are the shell's to complete,
// so that arguments have no candidates.
func (c Command) Complete(words []string) []Candidate {
	if len(words) == 0 {
		return nil
	}
	at, last := c, words[len(words)-1]
	var flag *kong.Flag // whose value comes next
	for _, word := range words[:len(words)-1] {
		at, flag = at.follow(word, flag)
	}
	name, value, valued := strings.Cut(last, "=")
	switch {
	case flag != nil:
		return candidates(flag, "", last)
	case strings.HasPrefix(last, "--") && valued:
		if f := at.flag(strings.TrimLeft(name, "-")); f != nil {
			return candidates(f, name+"=", value)
		}
		return nil
	case strings.HasPrefix(last, "-"):
		return at.flagCandidates(last)
	}
	var found []Candidate
	for _, verb := range at.Listed() {
		if strings.HasPrefix(verb.Name, last) {
			found = append(found, Candidate{verb.Name, verb.Help})
		}
	}
	return found
}

// follow goes one word further: to the verb that it names, or to the flag whose value comes next.
func (c Command) follow(word string, before *kong.Flag) (Command, *kong.Flag) {
	if before != nil {
		return c, nil
	}
	if strings.HasPrefix(word, "-") {
		f := c.flag(strings.TrimLeft(word, "-"))
		if f != nil && !f.IsBool() {
			return c, f
		}
		return c, nil
	}
	verb, _ := c.verb(word)
	return verb, nil
}

func (c Command) flagCandidates(start string) []Candidate {
	var found []Candidate
	at := c.Node
	if at.DefaultCmd != nil {
		at = at.DefaultCmd
	}
	for _, f := range at.Flags {
		if word := "--" + f.Name; strings.HasPrefix(word, start) {
			found = append(found, Candidate{word, f.Help})
		}
	}
	return found
}

func candidates(f *kong.Flag, before, start string) []Candidate {
	var found []Candidate
	for _, value := range enumOf(f) {
		if strings.HasPrefix(value, start) {
			found = append(found, Candidate{Word: before + value})
		}
	}
	return found
}

// Shells are those that Script knows.
func Shells() []string { return []string{"bash", "zsh", "fish"} }

// Script returns the script by which a shell completes the command line of a program. It asks the
// program by a hidden verb, which prints a candidate a line, with a tab before its help.
func Script(shell, program, verb string) (string, error) {
	script, known := map[string]string{"bash": bash, "zsh": zsh, "fish": fish}[shell]
	if !known {
		return "", fmt.Errorf("there is no completion for %q: use %s", shell, strings.Join(Shells(), ", "))
	}
	return strings.NewReplacer("PROGRAM", program, "VERB", verb).Replace(script), nil
}

const bash = `# bash completion for PROGRAM: source <(PROGRAM completion bash)
_PROGRAM() {
  local IFS=$'\n' word="${COMP_WORDS[COMP_CWORD]}"
  local words=("${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=($(PROGRAM VERB -- "${words[@]}" 2>/dev/null | cut -f1))
  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$word"))
}
complete -o filenames -F _PROGRAM PROGRAM
`

const zsh = `#compdef PROGRAM
# zsh completion for PROGRAM: source <(PROGRAM completion zsh)
_PROGRAM() {
  local -a found
  local line
  for line in "${(@f)$(PROGRAM VERB -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n $line ]] && found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done
  (( $#found )) && _describe 'PROGRAM' found || _files
}
(( $+functions[compdef] )) && compdef _PROGRAM PROGRAM
`

const fish = `# fish completion for PROGRAM: PROGRAM completion fish | source
complete -c PROGRAM -a '(PROGRAM VERB -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`
