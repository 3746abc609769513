package tasks

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// toolName is what OpenAI allows as the name of a function or a schema.
var toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// maxTools is OpenAI's limit of tools in one request.
const maxTools = 128

func readTools(r *ChatRequest, name string, raw json.RawMessage) *InputError {
	list, fault := typed[[]json.RawMessage](name, raw)
	if fault != nil {
		return fault
	}
	if len(list) > maxTools {
		return invalid(name, "at most %d tools are allowed, not %d", maxTools, len(list))
	}
	for i, tool := range list {
		if fault := checkTool(fmt.Sprintf("%s[%d]", name, i), tool); fault != nil {
			return fault
		}
	}
	if len(list) > 0 {
		r.Tools = raw
	}
	return nil
}

func checkTool(param string, raw json.RawMessage) *InputError {
	members, fault := object(param, raw)
	if fault != nil {
		return fault
	}
	if _, fault := oneOf(join(param, "type"), orNull(members["type"]), "function"); fault != nil {
		return fault
	}
	return checkFunction(join(param, "function"), members["function"])
}

func checkFunction(param string, raw json.RawMessage) *InputError {
	members, fault := object(param, orNull(raw))
	if fault != nil {
		return fault
	}
	if fault := checkName(join(param, "name"), members["name"]); fault != nil {
		return fault
	}
	if schema, ok := members["parameters"]; ok {
		_, fault = object(join(param, "parameters"), schema)
	}
	return fault
}

func checkName(param string, raw json.RawMessage) *InputError {
	name, fault := typed[string](param, orNull(raw))
	if fault == nil && !toolName.MatchString(name) {
		fault = invalid(param, "a name of 1 to 64 letters, digits, _ and - is needed")
	}
	return fault
}

// orNull makes an absent value readable.
func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}

func readToolChoice(r *ChatRequest, name string, raw json.RawMessage) *InputError {
	r.ToolChoice = raw
	var word string
	if json.Unmarshal(raw, &word) == nil {
		_, fault := oneOf(name, raw, "none", "auto", "required")
		return fault
	}
	members, fault := object(name, raw)
	if fault != nil {
		return invalid(name, "give none, auto, required, or an object that names a function")
	}
	if _, fault := oneOf(join(name, "type"), orNull(members["type"]), "function"); fault != nil {
		return fault
	}
	function, fault := object(join(name, "function"), orNull(members["function"]))
	if fault != nil {
		return fault
	}
	return checkName(join(name, "function.name"), function["name"])
}

// checkChoice refuses a choice of a function that is none of the tools.
func (r *ChatRequest) checkChoice() *InputError {
	type named struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	var choice named
	if json.Unmarshal(orNull(r.ToolChoice), &choice) != nil || choice.Function.Name == "" {
		return nil // a word, or none
	}
	tools, fault := typed[[]named]("tools", orNull(r.Tools))
	for _, tool := range tools {
		if tool.Function.Name == choice.Function.Name {
			return nil
		}
	}
	if fault == nil {
		fault = invalid("tool_choice.function.name", "there is no tool %q: name one of tools", choice.Function.Name)
	}
	return fault
}

func readFormat(r *ChatRequest, name string, raw json.RawMessage) *InputError {
	members, fault := object(name, raw)
	if fault != nil {
		return fault
	}
	if fault := onlyKnown(name, members, "type", "json_schema"); fault != nil {
		return fault
	}
	kind, fault := oneOf(join(name, "type"), orNull(members["type"]), "text", "json_object", "json_schema")
	if fault != nil {
		return fault
	}
	if kind == "json_schema" {
		fault = checkSchema(join(name, "json_schema"), members["json_schema"])
	}
	if kind != "text" {
		r.ResponseFormat = raw
	}
	return fault
}

func checkSchema(param string, raw json.RawMessage) *InputError {
	members, fault := object(param, orNull(raw))
	if fault != nil {
		return fault
	}
	if fault := onlyKnown(param, members, "name", "description", "schema", "strict"); fault != nil {
		return fault
	}
	if fault := checkName(join(param, "name"), members["name"]); fault != nil {
		return fault
	}
	_, fault = object(join(param, "schema"), orNull(members["schema"]))
	return fault
}
