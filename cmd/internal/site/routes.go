package site

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"dreamlab/cmd/internal/markdown"
)

// operation is a route of openapi.yaml.
type operation struct {
	Summary     string               `yaml:"summary"`
	Description string               `yaml:"description"`
	Parameters  []parameter          `yaml:"parameters"`
	Body        content              `yaml:"requestBody"`
	Responses   map[string]yaml.Node `yaml:"responses"`
}

type parameter struct {
	Ref         string `yaml:"$ref"`
	Name        string `yaml:"name"`
	In          string `yaml:"in"`
	Required    bool   `yaml:"required"`
	Description string `yaml:"description"`
}

type content struct {
	Kinds map[string]struct {
		Schema yaml.Node `yaml:"schema"`
	} `yaml:"content"`
}

// document is as much of openapi.yaml as is shown. Paths keep their order.
type document struct {
	Info  struct{ Description string } `yaml:"info"`
	Paths yaml.Node                    `yaml:"paths"`
	Parts struct {
		Schemas    yaml.Node            `yaml:"schemas"`
		Parameters map[string]parameter `yaml:"parameters"`
	} `yaml:"components"`
}

// routePages show every route, and every schema that they name.
func routePages(openAPI []byte) ([]Page, error) {
	var doc document
	if err := yaml.Unmarshal(openAPI, &doc); err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "# Routes\n\n%s\n", doc.Info.Description)
	for path, node := range pairs(&doc.Paths) {
		for method, inner := range pairs(node) {
			if method == "parameters" {
				continue
			}
			var o operation
			if err := inner.Decode(&o); err != nil {
				return nil, fmt.Errorf("read %s of openapi.yaml: %w", path, err)
			}
			for i, p := range o.Parameters {
				if p.Ref != "" {
					o.Parameters[i] = doc.Parts.Parameters[nameOf(p.Ref)]
				}
			}
			o.write(&text, strings.ToUpper(method)+" "+path)
		}
	}
	schemas, err := schemaText(&doc.Parts.Schemas)
	return []Page{
		{Name: "routes.html", Title: "Routes", Group: "Reference", Body: markdown.Guide(text.String())},
		{Name: "schemas.html", Title: "Objects of the API", Group: "Reference", Body: markdown.Guide(schemas)},
	}, err
}

// pairs goes through a mapping in its order.
func pairs(node *yaml.Node) func(func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i].Value, node.Content[i+1]) {
				return
			}
		}
	}
}

func (o operation) write(out *strings.Builder, name string) {
	fmt.Fprintf(out, "\n## %s\n\n%s.\n", name, strings.TrimSuffix(o.Summary, "."))
	if o.Description != "" {
		fmt.Fprintf(out, "\n%s\n", o.Description)
	}
	if len(o.Parameters) > 0 {
		out.WriteString("\n| parameter | in | tells |\n|---|---|---|\n")
	}
	for _, p := range o.Parameters {
		fmt.Fprintf(out, "| `%s` | %s | %s |\n", p.Name, p.In, strings.ReplaceAll(p.Description, "|", "or"))
	}
	o.Body.write(out, "Body")
	for _, status := range []string{"200", "201", "202"} {
		var answer content
		if node, has := o.Responses[status]; has && node.Decode(&answer) == nil {
			answer.write(out, status)
		}
	}
}

// write tells of each form in which a body comes.
func (c content) write(out *strings.Builder, what string) {
	for _, kind := range slices.Sorted(maps.Keys(c.Kinds)) {
		schema := c.Kinds[kind].Schema
		fmt.Fprintf(out, "\n%s, `%s`: %s\n", what, kind, refOf(&schema))
	}
}

// refOf links the schema that a node names, or writes the schema itself.
func refOf(node *yaml.Node) string {
	for key, value := range pairs(node) {
		if key == "$ref" {
			name := nameOf(value.Value)
			return fmt.Sprintf("[%s](schemas.html#%s).", name, markdown.Anchor(name))
		}
	}
	text, err := yaml.Marshal(node)
	if err != nil {
		return err.Error()
	}
	return "`" + strings.Join(strings.Fields(string(text)), " ") + "`"
}

// nameOf returns the last part of a reference.
func nameOf(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

func schemaText(schemas *yaml.Node) (string, error) {
	var text strings.Builder
	text.WriteString("# Objects of the API\n")
	for name, node := range pairs(schemas) {
		shown, err := yaml.Marshal(node)
		if err != nil {
			return "", fmt.Errorf("write the schema %s: %w", name, err)
		}
		fmt.Fprintf(&text, "\n## %s\n\n```\n%s```\n", name, shown)
	}
	return text.String(), nil
}
