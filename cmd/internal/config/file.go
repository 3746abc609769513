package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// The forms of yaml.v3's faults that are put into our words.
var (
	lineOf     = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)
	unknownKey = regexp.MustCompile(`^field (\S+) not found in type config\.(\S+)$`)
)

// decode reads the file's text into c. It returns the line of each key that is
// set, and the faults, each beginning with ":line: ".
func decode(text []byte, c *Config) (lines map[string]int, faults []string) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	err := decoder.Decode(c)
	var wrong *yaml.TypeError
	switch {
	case err == nil:
	case errors.Is(err, io.EOF): // an empty file sets nothing
		return nil, nil
	case errors.As(err, &wrong):
		for _, line := range wrong.Errors {
			faults = append(faults, reword(line))
		}
		return nil, faults
	default:
		return nil, []string{reword(err.Error())}
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, []string{": it holds more than one document: keep one"}
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, []string{reword(err.Error())}
	}
	lines = map[string]int{}
	walk(&root, "", func(key string, node *yaml.Node) { lines[key] = node.Line })
	return lines, nil
}

func reword(fault string) string {
	parts := lineOf.FindStringSubmatch(fault)
	if parts == nil {
		return ": " + strings.TrimPrefix(fault, "yaml: ")
	}
	line, text := parts[1], parts[2]
	if unknown := unknownKey.FindStringSubmatch(text); unknown != nil {
		where := strings.ToLower(unknown[2])
		if where == "config" {
			where = "the top level"
		}
		text = fmt.Sprintf("unknown key %q at %s: mend or remove it", unknown[1], where)
	}
	return ":" + line + ": " + text
}

// walk calls fn for every leaf of a document with its dotted key.
func walk(node *yaml.Node, key string, fn func(key string, node *yaml.Node)) {
	switch node.Kind {
	case yaml.DocumentNode:
		walk(node.Content[0], key, fn)
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			walk(node.Content[i+1], join(key, node.Content[i].Value), fn)
		}
	case yaml.SequenceNode:
		for i, child := range node.Content {
			walk(child, fmt.Sprintf("%s[%d]", key, i), fn)
		}
	default:
		fn(key, node)
	}
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}
