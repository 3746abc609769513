package config

import "gopkg.in/yaml.v3"

// Names is a list of names, or one of them alone.
type Names []string

// UnmarshalYAML reads a list or a single name.
func (n *Names) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.ScalarNode {
		return node.Decode((*[]string)(n))
	}
	*n = Names{node.Value}
	return nil
}
